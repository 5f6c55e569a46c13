"""What our code must not do, found in its syntax tree: each function returns sentences, and none where all is well."""

import ast
from collections.abc import Iterator
from pathlib import Path

# Reads or writes of objects that can run code when they are read, whole modules and single functions.
_UNPICKLING_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
_UNPICKLING = {
    *("torch.jit.load", "torch.package.PackageImporter", "torch.hub.load", "torch.serialization.load"),
    *("pandas.read_pickle", "numpy.lib.format.read_array", "multiprocessing.reduction.ForkingPickler.loads"),
    *("yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.unsafe_load_all"),
}
# Text that becomes code or a command.
_RUNNING = {
    *("eval", "exec", "compile", "__import__", "os.system", "os.popen", "pty.spawn", "runpy.run_path"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "code.interact", "runpy.run_module"),
}
# Archives that are unpacked, certificates that are not looked at, names that somebody else may take.
_CARELESS = {"shutil.unpack_archive", "ssl._create_unverified_context", "tempfile.mktemp"}
_CARELESS_MODULES = {"tarfile"}
_CARELESS_METHODS = {"extract", "extractall", "read_pickle", "to_pickle"}

# What remote code may import; and of these, what does no more than compute.
_REMOTE_MODULES = {
    *("collections", "contextlib", "dataclasses", "itertools", "math", "re", "string", "threading", "typing"),
    *("numpy", "os", "tokenizers", "torch", "transformers"),
}
_REMOTE_OS = {"os.PathLike"}  # in annotations
_REMOTE_BUILTINS = {
    "open",
    "eval",
    "exec",
    "compile",
    "__import__",
    "input",
    "breakpoint",
    "globals",
    "print",
}
_REMOTE_FILES = {
    *(
        f"numpy.{name}"
        for name in ("load", "save", "savez", "savez_compressed", "fromfile", "memmap", "genfromtxt")
    ),
    *(
        f"numpy.{name}"
        for name in ("loadtxt", "savetxt", "fromregex", "DataSource", "lib", "ctypeslib", "f2py")
    ),
    *(
        f"torch.{name}"
        for name in ("load", "save", "hub", "jit", "package", "classes", "multiprocessing", "_C")
    ),
    *(
        f"torch.{name}"
        for name in ("from_file", "distributed", "utils.cpp_extension", "utils.model_zoo", "storage")
    ),
    *("torch.ops.load_library", "torch.ops.import_module", "torch.serialization"),
    *("tokenizers.Tokenizer.from_file", "tokenizers.Tokenizer.from_pretrained", "tokenizers.trainers"),
    *("transformers.utils.hub", "transformers.dynamic_module_utils", "transformers.utils.import_utils"),
    *(
        "transformers.pipelines",
        "transformers.pipeline",
        "transformers.AutoModel",
        "transformers.AutoTokenizer",
    ),
}
_REMOTE_METHODS = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "open", "unlink", "mkdir", "rmdir", "touch"),
    *("tofile", "fromfile", "dump", "from_file", "push_to_hub", "urlopen", "system", "popen", "connect"),
}
# Of the base class, when the caller asked for it; of anything else they are a way to other files.
_REMOTE_SUPER_METHODS = {"from_pretrained", "save_pretrained", "_from_pretrained", "save"}
_DOORS = {"__builtins__", "__globals__", "__subclasses__", "__loader__", "__import__", "__code__", "__dict__"}


def unsafe(source: str) -> list[str]:
    """Unpickling, text that is run, archives that are unpacked, unverified connections."""
    tree = ast.parse(source)
    names = _imported(tree)
    found = []
    for node in ast.walk(tree):
        said = _unsafe_node(node, names)
        if said:
            found.append(f"line {node.lineno}: {said}")  # type: ignore[attr-defined]
    return found


def unsafe_in_remote_code(path: Path) -> list[str]:
    """The same, and any import, file or network access that code on the Hub has no business with."""
    source = path.read_text(encoding="utf-8")
    siblings = {file.stem for file in path.parent.glob("*.py")}
    return [*unsafe(source), *remote_access(source, siblings)]


def remote_access(source: str, siblings: set[str]) -> list[str]:
    """Imports other than the allowed ones and `siblings`, and whatever could reach a file or the network."""
    tree = ast.parse(source)
    names = _imported(tree)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            problems = _remote_import(node, siblings)
        elif isinstance(node, ast.Name):
            problems = _remote_name(node, names, parents[node])
        elif isinstance(node, ast.Attribute | ast.Call):
            problems = _remote_use(node, names)
        else:
            continue
        found += [f"line {node.lineno}: {problem}" for problem in problems]
    return found


def unpinned(source: str) -> list[str]:
    """Calls that let a repository's code run without saying of which commit."""
    return [
        f"line {node.lineno}: trust_remote_code=True without revision"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and _is_constant(_keyword(node, "trust_remote_code"), True)
        and (_keyword(node, "revision") is None or _is_constant(_keyword(node, "revision"), None))
    ]


def _unsafe_node(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = _modules(node)
        for module in modules & (_UNPICKLING_MODULES | _CARELESS_MODULES):
            return f"imports {module}"
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
        return _unsafe_text(node.value)
    if isinstance(node, ast.Name | ast.Attribute):
        name = _dotted(node, names)
        if name in _UNPICKLING | _RUNNING | _CARELESS:
            return f"uses {name}"
    if isinstance(node, ast.Call):
        return _unsafe_call(node, names)
    return None


def _unsafe_text(text: str) -> str | None:
    """A program in a string, for another process."""
    try:
        found = unsafe(text)
    except SyntaxError:
        return None
    return f"a program in a string: {found[0]}" if found else None


def _unsafe_call(node: ast.Call, names: dict[str, str]) -> str | None:
    name = _dotted(node.func, names)
    if name == "torch.load" and not _is_constant(_keyword(node, "weights_only"), True):
        return "torch.load without weights_only=True"
    if name == "numpy.load" and not _is_constant(_keyword(node, "allow_pickle"), False):
        return "numpy.load without allow_pickle=False"
    for keyword, harmless in (("allow_pickle", False), ("shell", False), ("verify", True)):
        value = _keyword(node, keyword)
        if value is not None and not _is_constant(value, harmless):
            return f"{keyword}={ast.unparse(value)}"
    if isinstance(node.func, ast.Attribute) and node.func.attr in _CARELESS_METHODS:
        return f"calls .{node.func.attr}()"
    return None


def _remote_import(node: ast.Import | ast.ImportFrom, siblings: set[str]) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.level:
        if node.level > 1 or node.module not in siblings:
            yield f"imports {'.' * node.level}{node.module or ''}, which is no sibling"
        return
    yield from (f"imports {module}" for module in sorted(_modules(node) - _REMOTE_MODULES))
    imported = _imported(ast.Module([node], [])).values()
    yield from (f"imports {name}" for name in imported if _reaches_files(name))


def _remote_name(node: ast.Name, names: dict[str, str], parent: ast.AST) -> Iterator[str]:
    if node.id in _DOORS or (node.id in _REMOTE_BUILTINS and node.id not in names):
        yield f"uses {node.id}"
    if names.get(node.id) == "os" and not isinstance(parent, ast.Attribute):
        yield "passes os on"


def _remote_use(node: ast.Attribute | ast.Call, names: dict[str, str]) -> Iterator[str]:
    if isinstance(node, ast.Call):
        yield from _remote_call(node, names)
        return
    name = _dotted(node, names)
    if name and _reaches_files(name):
        yield f"uses {name}"
    if node.attr in _DOORS:
        yield f"uses .{node.attr}"


def _remote_call(node: ast.Call, names: dict[str, str]) -> Iterator[str]:
    name = _dotted(node.func, names)
    if name in ("getattr", "setattr") and not isinstance(node.args[1], ast.Constant):
        yield f"{name} of a name that is computed"
    if name == "vars" and not node.args:
        yield "uses vars"
    if isinstance(node.func, ast.Attribute):
        of_super = ast.unparse(node.func.value) == "super()"
        if node.func.attr in _REMOTE_METHODS or (node.func.attr in _REMOTE_SUPER_METHODS and not of_super):
            yield f"calls .{node.func.attr}()"


def _reaches_files(name: str) -> bool:
    if name.startswith("os."):
        return name not in _REMOTE_OS
    return any(name == one or name.startswith(one + ".") for one in _REMOTE_FILES)


def _imported(tree: ast.AST) -> dict[str, str]:
    """Name in this file -> what it stands for, in full."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _modules(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The top-level modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return set() if node.level else {(node.module or "").split(".")[0]}
    return {alias.name.split(".")[0] for alias in node.names}


def _dotted(node: ast.AST, names: dict[str, str]) -> str | None:
    """`np.load` -> "numpy.load"; None where it is no name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return owner and f"{owner}.{node.attr}"
    return None


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _is_constant(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
