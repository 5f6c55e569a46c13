"""What is installed with us: known weaknesses, as far as pip-audit can ask for them, and licences.

    python tests/audit.py

The answer is 1 where a weakness is known, or a package that comes with us has a licence that asks for more than its
notice. Where the advisories cannot be reached, that is said, and the list of packages, versions and licences is what
is left to go by; it goes to standard output as Markdown.
"""

import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

PERMISSIVE = re.compile(
    r"apache|bsd|mit\b|mit license|isc|psf|python software foundation|unlicense|public domain|zlib|hpnd|mpl|mozilla"
    r"|0bsd|cc0|pddl|dual license",
    re.IGNORECASE,
)
EXTRAS = ("onnx", "glove")  # the others bring what their users know already


def main() -> int:
    """Ask, list, judge."""
    weak = ask_advisories()
    found = closure()
    strict = [name for name, one in found.items() if not is_permissive(licence(one))]
    sys.stdout.write("| package | version | licence |\n|---|---|---|\n")
    for name, one in sorted(found.items()):
        sys.stdout.write(f"| {name} | {one.version} | {licence(one)} |\n")
    for name in strict:
        sys.stderr.write(
            f"{name}: the licence {licence(found[name])!r} is none that is known to be permissive.\n"
        )
    return 1 if weak or strict else 0


def ask_advisories() -> bool:
    """Whether pip-audit knows of a weakness; what it could not ask about is told."""
    if importlib.util.find_spec("pip_audit") is None:
        sys.stderr.write("Weaknesses were not asked for: pip install pip-audit.\n")
        return False
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8")
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        sys.stderr.write(f"Weaknesses were not asked for: pip-audit failed ({reason}).\n")
        return False
    asked = [one for one in packages if "skip_reason" not in one]
    sys.stderr.write(f"pip-audit could ask about {len(asked)} of {len(packages)} packages.\n")
    for one in asked:
        for weakness in one["vulns"]:
            sys.stderr.write(
                f"{one['name']} {one['version']}: {weakness['id']}, mended in {weakness['fix_versions']}\n"
            )
    return any(one["vulns"] for one in asked)


def closure() -> dict[str, Distribution]:
    """Our package's dependencies and theirs, as far as they are installed: name -> distribution."""
    found: dict[str, Distribution] = {}
    seen = set()
    waiting = [(line, extra) for extra in ("", *EXTRAS) for line in distribution("glove-lstm").requires or ()]
    while waiting:
        line, extra = waiting.pop()
        wanted = Requirement(line)
        name = wanted.name.lower().replace("_", "-")
        if name == "glove-lstm" or not applies(wanted, extra) or (name, *sorted(wanted.extras)) in seen:
            continue
        seen.add((name, *sorted(wanted.extras)))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += [(more, inner) for inner in ("", *wanted.extras) for more in found[name].requires or ()]
    return found


def is_permissive(text: str) -> bool:
    """Whether it asks for no more than its notice, or lets one choose such a licence."""
    return bool(PERMISSIVE.search(text)) and ("GPL" not in text or " OR " in text)


def applies(wanted: Requirement, extra: str) -> bool:
    """Whether a line of a package's requirements is meant for this machine and this extra."""
    return wanted.marker is None or wanted.marker.evaluate({"extra": extra})


def licence(one: Distribution) -> str:
    """As short as the metadata allow."""
    about = one.metadata
    classified = [
        line.rsplit(" :: ", 1)[1]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    first = (about["License"] or "").strip().splitlines()[:1]
    return about["License-Expression"] or ", ".join(classified) or (first[0][:60] if first else "not told")


if __name__ == "__main__":
    sys.exit(main())
