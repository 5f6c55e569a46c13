"""Checks of source code by its syntax tree; each function returns the problems, one sentence each."""

import ast
from collections.abc import Iterator

# Modules and functions that unpickle, run text as code, unpack archives or skip verification.
_UNSAFE_MODULES = set(
    "pickle _pickle cPickle cloudpickle dill joblib marshal shelve tarfile".split()  # noqa: SIM905
)
_UNSAFE_NAMES = set(
    """
    torch.jit.load torch.package.PackageImporter torch.hub.load torch.serialization.load pandas.read_pickle
    numpy.lib.format.read_array multiprocessing.reduction.ForkingPickler.loads
    yaml.load yaml.load_all yaml.full_load yaml.unsafe_load yaml.unsafe_load_all
    eval exec compile __import__ os.system os.popen pty.spawn runpy.run_path runpy.run_module code.interact
    subprocess.getoutput subprocess.getstatusoutput
    shutil.unpack_archive ssl._create_unverified_context
    """.split()  # noqa: SIM905
)
_UNSAFE_METHODS = {"extract", "extractall", "read_pickle", "to_pickle"}
_SAFE_VALUES = {"allow_pickle": False, "shell": False, "verify": True}
_NEEDED_VALUES = {"torch.load": ("weights_only", True), "numpy.load": ("allow_pickle", False)}

# Modules that remote code may import, and what it may not use of them: whatever reaches files, the network or code.
_REMOTE_MODULES = set(
    """
    collections contextlib dataclasses itertools math re string threading typing
    numpy os tokenizers torch transformers
    """.split()  # noqa: SIM905
)
_REMOTE_OS = {"os.PathLike"}  # in annotations
_REMOTE_NAMES = set(
    """
    open input breakpoint globals print
    __builtins__ __globals__ __subclasses__ __loader__ __import__ __code__ __dict__
    numpy.load numpy.save numpy.savez numpy.savez_compressed numpy.fromfile numpy.memmap numpy.genfromtxt
    numpy.loadtxt numpy.savetxt numpy.fromregex numpy.DataSource numpy.lib numpy.ctypeslib numpy.f2py
    torch.load torch.save torch.hub torch.jit torch.package torch.classes torch.multiprocessing torch._C
    torch.from_file torch.distributed torch.utils.cpp_extension torch.utils.model_zoo torch.storage
    torch.ops.load_library torch.ops.import_module torch.serialization
    tokenizers.Tokenizer.from_file tokenizers.Tokenizer.from_pretrained tokenizers.trainers
    transformers.utils.hub transformers.utils.import_utils transformers.dynamic_module_utils
    transformers.pipelines transformers.pipeline transformers.AutoModel transformers.AutoTokenizer
    """.split()  # noqa: SIM905
)
_REMOTE_METHODS = set(
    """
    read_text read_bytes write_text write_bytes open unlink mkdir rmdir touch
    tofile fromfile dump from_file push_to_hub urlopen system popen connect
    """.split()  # noqa: SIM905
)
_SUPER_METHODS = {
    "from_pretrained",
    "save_pretrained",
    "_from_pretrained",
    "save",
}  # allowed on super() only


def unsafe(source: str) -> list[str]:
    """Find unpickling, text that is run, archives that are unpacked, and unverified connections."""
    tree = ast.parse(source)
    names = _imported(tree)
    return [
        f"line {node.lineno}: {one}" for node in _nodes(tree) for one in _unsafe_node(node, names)
    ]


def remote_access(source: str, siblings: set[str]) -> list[str]:
    """Find imports that remote code may not make, and uses that could reach a file or the network."""
    tree = ast.parse(source)
    names = _imported(tree)
    attributes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    problems = []
    for node in _nodes(tree):
        found = list(_remote_node(node, names, siblings))
        if isinstance(node, ast.Name) and names.get(node.id) == "os" and id(node) not in attributes:
            found.append("passes os on")
        problems += [f"line {node.lineno}: {one}" for one in found]
    return problems


def unpinned(source: str) -> list[str]:
    """Find calls that run a repository's code without naming its commit."""
    return [
        f"line {node.lineno}: trust_remote_code=True without revision"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and _value(node, "trust_remote_code") == "True"
        and _value(node, "revision") in (None, "None")
    ]


def _nodes(tree: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr))


def _unsafe_node(node: ast.AST, names: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (f"imports {module}" for module in _modules(node) & _UNSAFE_MODULES)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
        try:
            yield from unsafe(node.value)  # a program for another process
        except SyntaxError:
            return
    elif isinstance(node, ast.Name | ast.Attribute):
        if _dotted(node, names) in _UNSAFE_NAMES:
            yield f"uses {_dotted(node, names)}"
    elif isinstance(node, ast.Call):
        yield from _unsafe_call(node, names)


def _unsafe_call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    keyword, value = _NEEDED_VALUES.get(_dotted(node.func, names) or "", ("", None))
    if keyword and _value(node, keyword) != str(value):
        yield f"lacks {keyword}={value}"
    for keyword, safe in _SAFE_VALUES.items():
        if _value(node, keyword) not in (None, str(safe)):
            yield f"{keyword}={_value(node, keyword)}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in _UNSAFE_METHODS:
        yield f"calls .{node.func.attr}()"


def _remote_node(node: ast.AST, names: dict[str, str], siblings: set[str]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.level:
        if node.level > 1 or node.module not in siblings:
            yield f"imports {node.module}, which is no sibling"
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (f"imports {module}" for module in _modules(node) - _REMOTE_MODULES)
        imported = _imported(ast.Module([node], [])).values()  # type: ignore[list-item]
        yield from (f"imports {name}" for name in imported if _is_forbidden(name))
    elif isinstance(node, ast.Name | ast.Attribute):
        name = _dotted(node, names)
        if (name and _is_forbidden(name)) or (
            isinstance(node, ast.Attribute) and node.attr in _REMOTE_NAMES
        ):
            yield f"uses {ast.unparse(node)}"
    elif isinstance(node, ast.Call):
        yield from _remote_call(node)


def _remote_call(node: ast.Call) -> Iterator[str]:
    function = ast.unparse(node.func)
    if function in ("getattr", "setattr") and not isinstance(node.args[1], ast.Constant):
        yield "computes the name of an attribute"
    if function == "vars" and not node.args:
        yield "uses vars()"
    if isinstance(node.func, ast.Attribute):
        method, of_super = node.func.attr, ast.unparse(node.func.value) == "super()"
        if method in _REMOTE_METHODS or (method in _SUPER_METHODS and not of_super):
            yield f"calls .{method}()"


def _is_forbidden(name: str) -> bool:
    if name.startswith("os."):
        return name not in _REMOTE_OS
    parts = name.split(".")
    return any(".".join(parts[:count]) in _REMOTE_NAMES for count in range(1, len(parts) + 1))


def _imported(tree: ast.AST) -> dict[str, str]:
    """Name in this file -> its full name."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {
                alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names
            }
    return names


def _modules(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Top-level modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return set() if node.level else {(node.module or "").split(".")[0]}
    return {alias.name.split(".")[0] for alias in node.names}


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return "numpy.load" for `np.load`, and None for what is no name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return owner and f"{owner}.{node.attr}"
    return None


def _value(node: ast.Call, keyword: str) -> str | None:
    """Source of a keyword's value."""
    return next((ast.unparse(one.value) for one in node.keywords if one.arg == keyword), None)
