"""Check the installed packages that this one depends on: known vulnerabilities (pip-audit) and licences.

    python tests/audit.py

Prints the packages, versions and licences as a Markdown table. The exit code is 1 for a known vulnerability or a
licence that is not known to be permissive. Where pip-audit cannot reach the advisories, standard error says so.
"""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PERMISSIVE = re.compile(
    r"apache|bsd|mit\b|mit license|isc|psf|python software foundation|unlicense|public domain|zlib|hpnd|mpl|mozilla"
    r"|0bsd|cc0|pddl|dual license",
    re.IGNORECASE,
)


def main() -> int:
    """Ask, list, and return the exit code."""
    vulnerable = has_vulnerabilities()
    packages = dependencies(extras=("train", "demo"))
    strict = [name for name, package in packages.items() if not is_permissive(licence(package))]
    sys.stdout.write("| package | version | licence |\n|---|---|---|\n")
    for name, package in sorted(packages.items()):
        sys.stdout.write(f"| {name} | {package.version} | {licence(package)} |\n")
    for name in strict:
        sys.stderr.write(
            f"{name}: licence {licence(packages[name])!r} is not known to be permissive.\n"
        )
    return 1 if vulnerable or strict else 0


def has_vulnerabilities() -> bool:
    """Whether pip-audit knows of any; prints them."""
    if importlib.util.find_spec("pip_audit") is None:
        sys.stderr.write("Vulnerabilities were not checked: pip install pip-audit.\n")
        return False
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        sys.stderr.write(f"Vulnerabilities were not checked: pip-audit failed ({reason}).\n")
        return False
    checked = [package for package in packages if "skip_reason" not in package]
    sys.stderr.write(f"pip-audit checked {len(checked)} of {len(packages)} packages.\n")
    for package in checked:
        for known in package["vulns"]:
            fixed = ", ".join(known["fix_versions"])
            sys.stderr.write(
                f"{package['name']} {package['version']}: {known['id']}, fixed in {fixed}\n"
            )
    return any(package["vulns"] for package in checked)


def dependencies(extras: Sequence[str]) -> dict[str, Distribution]:
    """Return the installed packages that glove-lstm needs with these extras, and all that these need, by name."""
    found: dict[str, Distribution] = {}
    seen = set()
    waiting = [
        (line, extra)
        for extra in ("", *extras)
        for line in distribution("glove-lstm").requires or ()
    ]
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
        waiting += [
            (more, inner) for inner in ("", *wanted.extras) for more in found[name].requires or ()
        ]
    return found


def is_permissive(text: str) -> bool:
    """Whether the licence asks for no more than its notice, or offers one that does as an alternative."""
    return bool(PERMISSIVE.search(text)) and ("GPL" not in text or " OR " in text)


def licence(package: Distribution) -> str:
    """Return the licence as the package's metadata names it, shortened."""
    about = package.metadata
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    first = (about["License"] or "").strip().splitlines()[:1]
    return (
        about["License-Expression"]
        or ", ".join(classified)
        or (first[0][:60] if first else "not stated")
    )


if __name__ == "__main__":
    sys.exit(main())
