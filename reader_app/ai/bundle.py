"""Model bundles: a folder with ``manifest.json`` and weights, everything checked by SHA-256 before use.

Weights are safetensors of an architecture that this program knows by name, or (``"system": "onnx"``) an ONNX graph made
elsewhere. Nothing in a bundle can run code: only JSON, safetensors, ONNX and plain arrays are read, and any other file in the
folder is refused. The manifest follows ``resources/schemas/bundle.schema.json``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reader_app import paths
from reader_app.errors import BundleError

SCHEMA = 1
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"

#: The ``system`` of a graph made elsewhere, and its file.
ONNX, ONNX_GRAPH = "onnx", "model.onnx"

#: Files that may stand in a bundle's folder.
ALLOWED_SUFFIXES: tuple[str, ...] = (".json", ".safetensors", ".onnx", ".npy", ".md", ".csv")


@dataclass(frozen=True)
class Bundle:
    """A checked model bundle.

    Attributes
    ----------
    path : Path
        Its folder.
    manifest : mapping
        The whole manifest.
    model_id, system, version, title : str
        Identity.
    sha256 : str
        Hash of the manifest's content, which holds the hashes of all other files: the identity of the model.
    """

    path: Path
    model_id: str
    system: str
    version: str
    title: str
    sha256: str
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def weights(self) -> Path:
        """The weights file."""
        return self.path / WEIGHTS

    @property
    def training_data(self) -> str:
        """What it was trained on, in words to be shown wherever a result is shown."""
        return str(self.manifest["training_data"])

    @property
    def phantom_trained(self) -> bool:
        """Whether it was trained on phantoms only."""
        return "phantom" in self.training_data.lower()


def content_hash(manifest: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's content, whatever its line ends or indentation."""
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load(path: Path | str) -> Bundle:
    """Read and check a bundle.

    Raises
    ------
    BundleError
        If a file is missing, changed, of a kind that is refused, or the manifest lacks something; one sentence.
    """
    folder = Path(path)
    where = folder / MANIFEST
    try:
        manifest = json.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BundleError(
            f"{folder}: is no model bundle because {MANIFEST} is missing; choose the bundle's own folder."
        ) from None
    except (OSError, ValueError) as error:
        raise BundleError(f"{where}: cannot be read ({error}); get the bundle again from its source.") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise BundleError(f"{where}: is not a manifest of schema {SCHEMA}; get a bundle made for this program.")
    _check_manifest(where, manifest)
    main = ONNX_GRAPH if manifest["system"] == ONNX else WEIGHTS
    if main not in manifest["files"]:
        raise BundleError(f"{where}: does not list {main}; complete the manifest.")
    for entry in sorted(folder.iterdir()):
        if entry.name == MANIFEST:
            continue
        if entry.suffix not in ALLOWED_SUFFIXES or not entry.is_file() or entry.is_symlink():
            raise BundleError(f"{entry}: files of this kind are refused in a bundle (they could run code); remove it.")
        if entry.name not in manifest["files"]:
            raise BundleError(f"{entry}: is not listed in {MANIFEST}; remove it or get the bundle again.")
    for name, record in manifest["files"].items():
        entry = folder / name
        if Path(name).name != name or not isinstance(record, dict) or not entry.is_file():
            raise BundleError(f"{entry}: is listed in {MANIFEST} but missing; get the bundle again from its source.")
        if file_hash(entry) != record.get("sha256"):
            raise BundleError(
                f"{entry}: was changed (its SHA-256 differs from {MANIFEST}); get the bundle again from its source."
            )
    return Bundle(
        path=folder,
        model_id=manifest["model_id"],
        system=manifest["system"],
        version=manifest["version"],
        title=manifest["title"],
        sha256=content_hash(manifest),
        manifest=manifest,
    )


def _check_manifest(where: Path, manifest: Mapping[str, Any]) -> None:
    """Hold a manifest against the schema; the fault that says most is named."""
    import jsonschema

    schema = json.loads((paths.resource("schemas") / "bundle.schema.json").read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(manifest))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        text = f"the entry '{place}' is wrong ({error.message[:300]})" if place else error.message[:300]
        raise BundleError(f"{where}: {text}; complete the manifest.")


def write(path: Path | str, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    """Write a bundle; it appears under ``path`` whole or not at all, replacing an older one.

    Parameters
    ----------
    path : Path or str
        The bundle's own folder.
    manifest : mapping
        Everything but ``schema`` and ``files``, which are added.
    files : mapping of str to bytes
        :data:`WEIGHTS` and what else belongs to it.
    """
    folder = Path(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.part"
    work.mkdir()
    try:
        records = {}
        for name, content in files.items():
            _write(work / name, content)
            records[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        document = {"schema": SCHEMA, **manifest, "files": records}
        _write(work / MANIFEST, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
        load(work)
        old = folder.parent / f".{folder.name}.{uuid.uuid4().hex}.old"
        if folder.exists():
            folder.rename(old)
        work.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return load(folder)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
