"""Models of others."""

import subprocess
import sys


def test_a_stored_linear_model_loads_no_torch():
    """joblib imports the module of its function; torch would be in the time and the memory of its first label."""
    code = "import sys, benchmarks.peers; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], encoding="utf-8") == "False\n"
