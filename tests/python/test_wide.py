"""Wide cliques: one bound of the two-norm of f - g stands before the outputs' own."""

import numpy as np

import twincert

INPUTS = 1000


def wide_twin() -> tuple[twincert.Twin, twincert.Box]:
    """Many inputs, few neurons, and as many variables as make a clique wide where inputs are not reduced."""
    random = np.random.default_rng(0)
    layers = [
        (random.standard_normal((6, INPUTS)) / np.sqrt(INPUTS), np.zeros(6)),
        (random.standard_normal((3, 6)), np.zeros(3)),
    ]
    reference = twincert.Network.from_arrays(layers, activation="relu")
    return twincert.quantize(reference, bits=4), twincert.Box.around(np.zeros(INPUTS), 0.1)


def test_the_two_norm_of_all_outputs_comes_first_and_gives_way() -> None:
    twin, box = wide_twin()
    crown = twincert.certify(twin, box, method="crown")
    steps: list[twincert.Progress] = []

    def until_another(progress: twincert.Progress) -> bool:
        if progress["stage"] == "sdp":
            steps.append(progress)
        return progress["stage"] != "sdp" or progress["objective"] == progress["objectives"]

    # With this tolerance the joint objective alone would take twice as many steps.
    options = {"rows": {"input_reduction": "never"}, "settings": {"tolerance": 1e-7}}
    cert = twincert.certify(twin, box, method="sdp", callback=until_another, **options)
    assert cert.info["clique_variables"][0] >= INPUTS
    *joint, other = steps
    assert 24 <= joint[-1]["iteration"] < 36
    assert {progress["objective"] for progress in joint} == {7}
    assert other["objective"] < other["objectives"] == 7
    assert [objective["kind"] for objective in cert.proof["objectives"]] == ["squared_two_norm"]
    assert cert.check(twin).valid
    assert cert.upper < 0.85 * crown.upper
    # All outputs share it.
    assert np.all(cert.upper_per_output <= cert.upper)
    assert np.all(cert.lower_per_output >= -cert.upper)
    points = box.sample(2000, seed=1)
    found = np.abs(twin.reference(points) - twin.compressed(points)).max()
    assert 0 < found <= cert.upper
    assert cert.lower <= cert.upper


def test_a_reduced_clique_is_not_wide() -> None:
    twin, box = wide_twin()
    cert = twincert.certify(twin, box, method="sdp", settings={"max_iterations": 40})
    assert cert.info["clique_variables"][0] < 100
    assert {objective["kind"] for objective in cert.proof["objectives"]} == {"linear"}
