"""`poolsim init`: a commented scenario to start from, with its schema beside it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import typer

from poolsim.commands.exit_codes import UsageError


def list_command() -> int:
    """Print the templates with the question that each answers."""
    from poolsim.scenario.templates import templates

    known = templates()
    width = max(len(template.name) for template in known)
    for template in known:
        typer.echo(f"{template.name:{width}}  {template.question}")
    return 0


def init_command(name: str, file: Path | None, force: bool) -> int:
    """Write a template and the schema beside it; nothing is replaced without `force`."""
    from poolsim.scenario.json_schema import FILE_NAME, schema_text
    from poolsim.scenario.mistakes import did_you_mean
    from poolsim.scenario.templates import templates

    known = {template.name: template for template in templates()}
    if name not in known:
        hint = did_you_mean(name, known) or f" (there is {', '.join(known)})"
        raise UsageError(f"there is no template {name}{hint}")
    target = file if file is not None else Path(f"{name}.yaml")
    if target.is_dir():
        target = target / f"{name}.yaml"
    schema = target.parent / FILE_NAME
    if target.exists() and not force:
        raise UsageError(f"{target} is there already: --force replaces it")
    if schema.exists() and not force and not _is_ours(schema):
        raise UsageError(f"{schema} is there already and is not poolsim's: --force replaces it")
    if not target.parent.is_dir():
        raise UsageError(f"there is no directory {target.parent}")
    _write(schema, schema_text())
    _write(target, known[name].text)
    typer.echo(f"{target}: {known[name].question}")
    if "# yours" in known[name].text:
        typer.echo('next:  put your numbers where it says "yours", then')
        typer.echo(f"       poolsim run {target} --dry-run")
    else:
        typer.echo(f"next:  poolsim run {target}")
    return 0


def _is_ours(schema: Path) -> bool:
    """Whether a schema file was written by some version of poolsim."""
    try:
        return '"title": "poolsim scenario"' in schema.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _write(target: Path, text: str) -> None:
    """The file appears whole or not at all."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # A temporary file is private; this one is to be read like any other.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
