"""Writes the subset of TOML that tandem.toml needs (the standard library only reads it)."""

import json


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"no TOML for {value!r}")


def _is_section_list(value):
    return isinstance(value, list) and value and isinstance(value[0], dict)


def _write(table, path, lines):
    for key, value in table.items():
        if not isinstance(value, dict) and not _is_section_list(value):
            lines.append(f"{key} = {_value(value)}")
    for key, value in table.items():
        inner = path + [key]
        if isinstance(value, dict):
            lines += ["", f"[{'.'.join(inner)}]"]
            _write(value, inner, lines)
        elif _is_section_list(value):
            for entry in value:
                lines += ["", f"[[{'.'.join(inner)}]]"]
                _write(entry, inner, lines)


def dumps(table):
    lines = []
    _write(table, [], lines)
    return "\n".join(lines).lstrip() + "\n"


def merged(base, changes):
    """`base` with `changes` laid over it, section by section; neither is touched."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
