"""The rules that hold the parts together: who may import whom, and what is written nowhere."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APP = ROOT / "app.py"
MODULES = sorted(ROOT.glob("fundus_core/**/*.py"))
PAGES = sorted(page for page in ROOT.glob("pages/**/*.py") if page.name != "__init__.py")
DASHBOARD = [*([APP] if APP.exists() else []), *PAGES]
PRODUCT = [*MODULES, *DASHBOARD, *sorted(ROOT.glob("scripts/*.py"))]
UNPICKLES = ROOT / "fundus_core" / "backbones" / "pickled.py"
"""The one file that may, in a process of its own and for files that the user says he trusts."""

OPENS_CONNECTIONS = {
    ROOT / "fundus_core" / "io" / f"download{part}.py" for part in ("", "_answers")
}
"""The only files that may, for `fundus backbones fetch`."""

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

LAYERS = (  # from the top down
    {"ui"},
    {"jobs", "cli", "notebook", "__main__"},
    {"workflows", "studies"},
    {"plots", "checks", "report", "tables", "exports"},
    {
        "adapters",
        "imports",
        "probe_fits",
        "probes",
        "ridge_preview",
        "finetune",
        "pretraining",
        "segmentation",
        "projections",
        "splits",
        "similarity",
        "agreement",
        "look_alikes",
        "shortcuts",
        "zero_shot",
        "explain",
        "stats",
        "embedding",
        "scale",
    },
    {"backbones", "io", "phantom", "preprocessing", "geometry", "compute"},
    {"domain"},
    {"errors"},
)

LONGEST_PAGE, LONGEST_APP = 90, 75

SLOW_TO_IMPORT = {
    "matplotlib",
    "numba",
    "open_clip",
    "openTSNE",
    "openvino",
    "pacmap",
    "pytorch_grad_cam",
    "scipy.stats",
    "sklearn",
    "statsmodels",
    "timm",
    "torch",
    "torchvision",
    "transformers",
    "umap",
}
NETWORKS = {"aiohttp", "ftplib", "http", "httpx", "httpx2", "requests", "socket", "urllib3"}
DOWNLOADS = {
    "hf_hub_download",
    "load_state_dict_from_url",
    "snapshot_download",
    "urlopen",
    "urlretrieve",
}
RUNS_CODE_WHEN_READ = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def _id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> set[str]:
    """Returns every absolute name the file imports, also those imported inside functions."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _layer(module: str) -> int | None:
    """Returns how far down a module of ours lies; None for what is in no layer."""
    name = module.removeprefix("fundus_core").removeprefix(".").partition(".")[0]
    return next((depth for depth, names in enumerate(LAYERS) if name in names), None)


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "fundus_core"


def _keywords(path: Path) -> Iterator[tuple[str, object]]:
    """Yields the keyword arguments of every call, with their value where it is a constant."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.keyword) and node.arg:
            value = node.value.value if isinstance(node.value, ast.Constant) else None
            yield node.arg, value


def _attributes(path: Path) -> set[str]:
    return {node.attr for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_every_module_has_a_layer(path: Path) -> None:
    assert _module(path) == "fundus_core" or _layer(_module(path)) is not None


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_imports_point_down(path: Path) -> None:
    own = _layer(_module(path))

    layers = {name: _layer(name) for name in _imports(path) if _is_ours(name)}
    upward = {name for name, layer in layers.items() if None not in {own, layer} and layer < own}

    assert not upward


@pytest.mark.parametrize("path", PRODUCT, ids=_id)
def test_imports_are_absolute(path: Path) -> None:
    nodes = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ImportFrom)]

    assert not [node.lineno for node in nodes if node.level]


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_only_the_ui_layer_knows_streamlit(path: Path) -> None:
    if _layer(_module(path)) != 0:
        assert "streamlit" not in {name.split(".")[0] for name in _imports(path)}


@pytest.mark.parametrize("path", [*MODULES, *DASHBOARD], ids=_id)
def test_only_state_names_session_keys_and_only_wiring_caches(path: Path) -> None:
    allowed = {
        "fundus_core/ui/state.py": {"session_state"},
        "fundus_core/ui/wiring.py": {"cache_data", "cache_resource"},
    }
    if path.match("fundus_core/ui/*_caches.py"):
        allowed[_id(path)] = {"cache_data", "cache_resource"}

    used = _attributes(path) & {"session_state", "cache_data", "cache_resource"}

    assert used <= allowed.get(_id(path), set())


@pytest.mark.parametrize("path", [*MODULES, *DASHBOARD], ids=_id)
def test_no_html_of_ours_reaches_the_browser_unescaped(path: Path) -> None:
    names = {name for name, _ in _keywords(path)}

    assert not names & {"unsafe_allow_html", "unsafe_allow_javascript"}


@pytest.mark.parametrize("path", [path for path in PRODUCT if path != UNPICKLES], ids=_id)
def test_nothing_is_read_that_could_run_code(path: Path) -> None:
    keywords = set(_keywords(path))
    attributes = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)]
    used = _imports(path) | {ast.unparse(node) for node in attributes}
    used -= {"pickle", "pickle.UnpicklingError"}  # torch.load refuses by raising this error

    assert not {name.split(".")[0] for name in used} & RUNS_CODE_WHEN_READ
    assert not keywords & {("weights_only", False), ("allow_pickle", True)}


def test_what_unpickles_does_it_in_a_process_of_its_own() -> None:
    functions = [node for node in _tree(UNPICKLES).body if isinstance(node, ast.FunctionDef)]
    unpickling = [
        function.name for function in functions if "weights_only=False" in ast.unparse(function)
    ]
    users = [path for path in PRODUCT if "fundus_core.backbones.pickled.main" in _imports(path)]

    assert unpickling == ["main"]  # which only the code of the child process calls
    assert not users


@pytest.mark.parametrize("path", [*MODULES, *DASHBOARD], ids=_id)
def test_only_downloads_open_connections(path: Path) -> None:
    if path in OPENS_CONNECTIONS:
        return
    names = _imports(path)
    attributes = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Attribute)]
    last = {name.rpartition(".")[2] for name in names} | {node.attr for node in attributes}

    assert not {name.partition(".")[0] for name in names} & NETWORKS
    assert not last & DOWNLOADS
    assert ("pretrained", True) not in set(_keywords(path))


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_libraries_that_can_download_are_told_not_to(path: Path) -> None:
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func).endswith(".from_pretrained")]

    told = [{word.arg for word in call.keywords} >= {"local_files_only"} for call in loads]

    assert all(told)


@pytest.mark.parametrize("path", PRODUCT, ids=_id)
def test_torch_load_is_told_to_read_weights_only(path: Path) -> None:
    calls = [node for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    loads = [call for call in calls if ast.unparse(call.func) == "torch.load"]

    told = [{word.arg for word in call.keywords} >= {"weights_only"} for call in loads]

    assert all(told)


def test_every_page_is_in_the_navigation() -> None:
    if not APP.exists():
        pytest.skip("there is no app.py yet")
    router = APP.read_text(encoding="utf-8")

    forgotten = [_id(page) for page in PAGES if f'"{_id(page)}"' not in router]
    missing = [
        page for page in re.findall(r'"(pages/[^"]+)"', router) if not (ROOT / page).exists()
    ]

    assert not forgotten
    assert not missing


def test_no_page_lies_directly_in_the_pages_folder() -> None:
    assert not list(ROOT.glob("pages/*.py")), "see the comment on PAGES in app.py"


@pytest.mark.parametrize("path", DASHBOARD, ids=_id)
def test_pages_choose_and_draw_and_do_no_more(path: Path) -> None:
    longest = LONGEST_APP if path == APP else LONGEST_PAGE

    assert len(path.read_text(encoding="utf-8").splitlines()) <= longest
    # A class would be another one at each rerun of the page.
    assert not [node for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]


def _imported_in_a_new_process(names: set[str]) -> set[str]:
    """Returns all modules that are loaded once the given ones are imported."""
    code = (
        f"import importlib, sys\nfor name in {sorted(names)}:\n    importlib.import_module(name)\n"
    )
    code += "sys.stdout.write(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def _modules_behind(paths: list[Path]) -> set[str]:
    """Returns the modules of ours that the given files import when they are run."""
    known = {_module(path) for path in MODULES}
    names = {name for path in paths for name in _imports(path) if _is_ours(name)}
    return {name for name in names if name in known} | {
        name.rpartition(".")[0] for name in names if name.rpartition(".")[0] in known
    }


def test_the_dashboard_opens_without_the_slow_imports() -> None:
    ui = {_module(path) for path in MODULES if _layer(_module(path)) == 0}

    loaded = _imported_in_a_new_process(ui | _modules_behind(DASHBOARD))

    assert not loaded & SLOW_TO_IMPORT


def test_a_job_is_watched_over_by_a_small_process() -> None:
    loaded = _imported_in_a_new_process({"fundus_core.jobs.runner"})

    assert not loaded & (SLOW_TO_IMPORT | {"numpy", "pandas"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=_id)
def test_documents_name_no_missing_file(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    folders = r"(?:fundus_core|pages|tests|docs|scripts|benchmarks|\.streamlit|\.ci)"

    linked = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
    named = re.findall(rf"`({folders}/[\w./-]*)`", text)
    missing = [name for name in linked if not (path.parent / name).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]

    assert not missing
