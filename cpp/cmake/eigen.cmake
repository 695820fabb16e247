# A system Eigen is used when there is one; otherwise the headers that the cmeel-eigen wheel (a build requirement) brings.
find_package(Eigen3 3.4 CONFIG QUIET)
if(NOT Eigen3_FOUND)
  find_package(Python COMPONENTS Interpreter QUIET)
  if(Python_FOUND)
    # The wheel unpacks to cmeel.prefix beside the package cmeel. Asking the interpreter, instead of its site-packages, also works
    # inside pip's isolated build environment, which adds its own folders through PYTHONPATH.
    execute_process(
      COMMAND ${Python_EXECUTABLE} -c
              "import importlib.util as u, pathlib; s = u.find_spec('cmeel'); print((pathlib.Path(s.origin).parents[1] / 'cmeel.prefix').as_posix() if s else '')"
      OUTPUT_VARIABLE twincert_cmeel_prefix OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    find_package(Eigen3 3.4 CONFIG QUIET PATHS "${twincert_cmeel_prefix}" NO_DEFAULT_PATH)
  endif()
endif()
if(NOT Eigen3_FOUND)
  message(FATAL_ERROR "twincert needs Eigen 3.4: none was found on the system, and ${Python_EXECUTABLE} has no cmeel-eigen wheel. "
                      "Install libeigen3-dev, or run: pip install cmeel-eigen, or set Eigen3_DIR.")
endif()
message(STATUS "Eigen ${Eigen3_VERSION}: ${Eigen3_DIR}")
