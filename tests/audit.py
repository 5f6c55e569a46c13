"""Check the vulnerabilities (pip-audit) and the licences of the dependencies.

    python tests/audit.py

Prints the packages, versions and licences as a Markdown table. The exit code is 1 if pip-audit
fails or a licence is not known to be permissive.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PERMISSIVE = re.compile(
    r"apache|bsd|mit\b|isc|psf|python software foundation|unlicense|public domain|zlib|hpnd|mpl"
    r"|mozilla|cc0|pddl|dual license",
    re.IGNORECASE,
)


def main() -> int:
    """Ask, list, and return the exit code."""
    vulnerable = subprocess.run([sys.executable, "-m", "pip_audit"]).returncode
    packages = dependencies(extras=("train", "demo"))
    strict = [name for name, package in packages.items() if not is_permissive(licence(package))]
    sys.stdout.write("| package | version | licence |\n|---|---|---|\n")
    for name, package in sorted(packages.items()):
        sys.stdout.write(f"| {name} | {package.version} | {licence(package)} |\n")
    for name in strict:
        sys.stderr.write(f"{name}: {licence(packages[name])!r} is not known to be permissive.\n")
    return 1 if vulnerable or strict else 0


def dependencies(extras: Sequence[str]) -> dict[str, Distribution]:
    """Return the installed packages that glove-lstm needs with these extras, by name."""
    found: dict[str, Distribution] = {}
    seen = set()
    own = distribution("glove-lstm").requires or ()
    waiting = [(line, extra) for extra in ("", *extras) for line in own]
    while waiting:
        line, extra = waiting.pop()
        wanted = Requirement(line)
        name = wanted.name.lower().replace("_", "-")
        applies = wanted.marker is None or wanted.marker.evaluate({"extra": extra})
        if name == "glove-lstm" or not applies or (name, *sorted(wanted.extras)) in seen:
            continue
        seen.add((name, *sorted(wanted.extras)))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        lines = found[name].requires or ()
        waiting += [(line, inner) for inner in ("", *wanted.extras) for line in lines]
    return found


def is_permissive(text: str) -> bool:
    """Whether the licence, or an alternative that it offers, is permissive."""
    return bool(PERMISSIVE.search(text)) and ("GPL" not in text or " OR " in text)


def licence(package: Distribution) -> str:
    """Return the licence as the package's metadata names it, shortened."""
    about = package.metadata
    lines = [line for line in about.get_all("Classifier") or () if line.startswith("License ::")]
    classified = ", ".join(line.rpartition(" :: ")[2] for line in lines)
    name = about["License-Expression"] or classified or about["License"] or "not stated"
    return name.strip().splitlines()[0][:60]


if __name__ == "__main__":
    sys.exit(main())
