"""Text and array files that are damaged or hostile: each gives an error that names file, place and expectation."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

import twincert
from twincert.errors import ParseError, TwincertError

NNET = "// comment\n2,2,1,2,\n2,2,1,\n0,\n0,0,\n1,1,\n0,0,0,\n1,1,1,\n1,2,\n3,4,\n5,\n6,\n7,8,\n9,\n"

TEXT_CASES = {
    "empty": ("", "expected the header.*end of the file"),
    "comments only": ("// a\n// b\n", "expected the header.*end of the file after line 2"),
    "truncated": (NNET[:-12], "end of the file after line|number"),
    "too long": (NNET + "1,2,\n", "line 15: expected the end of the file; found '1,2,'"),
    "header of three": (NNET.replace("2,2,1,2,", "2,2,1,"), "line 2: expected the header.*4 number.*found 3"),
    "huge layer count": (NNET.replace("2,2,1,2,", "999999999,2,1,2,"), "line 3: expected the layer sizes.*found 3"),
    "negative size": (NNET.replace("2,2,1,\n0", "2,-2,1,\n0"), "line 3: .*found '-2' where a positive integer"),
    "zero size": (NNET.replace("2,2,1,\n0", "2,0,1,\n0"), "line 3: .*found '0' where a positive integer"),
    "huge size": (NNET.replace("2,2,1,\n0", "2,9" + 20 * "9" + ",1,\n0"), "line 3: .*where a positive integer"),
    "fractional size": (NNET.replace("2,2,1,\n0", "2,2.5,1,\n0"), "line 3: .*found '2.5'"),
    "sizes unlike the header": (NNET.replace("2,2,1,\n0", "3,2,1,\n0"), "from 2 inputs to 1 outputs.*found 3 to 1"),
    "word": (NNET.replace("3,4,", "3,four,"), "line 10: expected row 1 of weight 0.*found 'four' as number 2"),
    "NaN": (NNET.replace("3,4,", "3,nan,"), "line 10: expected row 1 of weight 0.*found 'nan' as number 2"),
    "infinity": (NNET.replace("5,\n", "1e999,\n"), "line 11: expected entry 0 of bias 0.*found '1e999'"),
    "digits with underscores": (NNET.replace("3,4,", "3,4_0,"), "line 10: .*found '4_0'"),
    "long row": (NNET.replace("3,4,", "3,4,5,"), "line 10: expected row 1 of weight 0, 2 number.*found 3"),
    "empty field": (NNET.replace("3,4,", "3,,"), "line 10: .*found ''"),
    "few means": (NNET.replace("0,0,0,\n", "0,\n"), "line 7: expected the means.*at least 3 entries; found 1"),
}


@pytest.mark.parametrize("case", TEXT_CASES)
def test_bad_nnet_file_is_named(case: str, tmp_path: Path) -> None:
    text, message = TEXT_CASES[case]
    path = tmp_path / "bad.nnet"
    path.write_text(text)
    with pytest.raises(ParseError, match=message) as caught:
        twincert.load(path)
    assert "bad.nnet" in str(caught.value)


def test_the_text_that_the_bad_ones_start_from_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.nnet").write_text(NNET)
    assert twincert.load(tmp_path / "good.nnet")(np.array([1.0, 1.0])) == pytest.approx(7 * 8 + 8 * 13 + 9)


def archive(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.asarray(values) for name, values in arrays.items()})  # type: ignore[arg-type]
    return buffer.getvalue()


def member(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, content)
    return buffer.getvalue()


def npy(shape: str, dtype: str = "'<f8'") -> bytes:
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(16)


W, B = np.ones((2, 3)), np.ones(2)

NPZ_CASES = {
    "empty": (b"", "expected an .npz archive"),
    "text": (b"W0 = 1\n", "expected an .npz archive"),
    "truncated": (archive(W0=W, b0=B)[:-40], "expected an .npz archive"),
    "no arrays": (archive(), "array 'W0': expected in the file; found no arrays"),
    "other arrays": (archive(weights=W), "array 'W0': expected in the file; found weights"),
    "missing bias": (archive(W0=W), "array 'b0': expected in the file; found W0"),
    "gap": (archive(W0=W, b0=B, W2=W, b2=B), "array 'W1': expected in the file"),
    "bias size": (archive(W0=W, b0=np.ones(3)), "array 'b0': expected one bias per row of W0.*found 3"),
    "vector weight": (archive(W0=B, b0=B), r"array 'W0': expected 2 dimension\(s\); found shape \[2\]"),
    "empty weight": (archive(W0=np.ones((0, 3)), b0=np.ones(0)), "without empty sides"),
    "NaN": (archive(W0=W * np.nan, b0=B), r"array 'W0': expected finite numbers; found nan at index \[0, 0\]"),
    "complex": (archive(W0=W + 1j, b0=B), "array 'W0': expected real numbers.*complex128"),
    "text weight": (archive(W0=[["a", "b"]], b0=[1.0]), "array 'W0': expected real numbers"),
    "huge integer": (archive(W0=[[2**60 + 1]], b0=[1.0]), r"array 'W0': expected integers of size at most 2\^53"),
    "pickled": (archive(W0=np.array([[None, 1]], dtype=object), b0=[1.0]), "array 'W0': expected numbers or text"),
    "sizes do not chain": (archive(W0=W, b0=B, W1=W, b1=B), "3 columns|expected"),
    "activation name": (
        archive(W0=W, b0=B, activation="swish"),
        "array 'activation': expected an activation among.*'swish'",
    ),
    "activation number": (archive(W0=W, b0=B, activation=3), "array 'activation': expected text"),
    "clip without order": (
        archive(W0=W, b0=B, activation="clip", lower=2.0, upper=1.0),
        "lower < upper; found 2.0 and 1.0",
    ),
    "slope": (archive(W0=W, b0=B, activation="leaky_relu", slope=-1.0), "slope between 0 and 1; found -1.0"),
    "other format": (archive(format="pickle 4"), "array 'format': expected 'twincert network 1'"),
    "own form cut": (archive(format="twincert network 1", names=["a"]), "array 'kinds': expected in the file"),
    "huge claimed shape": (
        member("W0.npy", npy("(1000000000000, 1000000000)")),
        "array 'W0': expected [0-9]+ bytes.*found 16",
    ),
    "negative shape": (member("W0.npy", npy("(-1, -2)")), "array 'W0': expected"),
    "not an array": (member("W0.npy", b"hello"), "array 'W0': expected an array in NumPy's format"),
    "code as a header": (
        member("W0.npy", npy("__import__('os').getpid()")),
        "array 'W0': expected an array in NumPy's format",
    ),
}


@pytest.mark.parametrize("case", NPZ_CASES)
def test_bad_npz_file_is_named(case: str, tmp_path: Path) -> None:
    content, message = NPZ_CASES[case]
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(TwincertError, match=message) as caught:
        twincert.load(path)
    assert "bad.npz" in str(caught.value)


@pytest.mark.parametrize("suffix", [".nnet", ".npz"])
def test_every_truncation_and_many_flips_end_in_an_error_or_a_network(suffix: str, tmp_path: Path) -> None:
    good = {".nnet": NNET.encode(), ".npz": archive(W0=W, b0=B)}[suffix]
    generator = np.random.default_rng(0)
    path = tmp_path / f"damaged{suffix}"
    contents = [good[:length] for length in range(0, len(good), 3)]
    for _ in range(300):
        damaged = bytearray(good)
        damaged[generator.integers(len(good))] = generator.integers(256)
        contents.append(bytes(damaged))
    for content in contents:
        path.write_bytes(content)
        try:
            twincert.load(path)
        except TwincertError as error:
            assert "damaged" in str(error)
