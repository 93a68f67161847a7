"""Reads dashboards as Grafana's own library does, and tells what it lost.

    python3 dashboards.py FILE...

The library knows the model of dashboards, of each kind of panel, and of Prometheus' queries. It
drops what it does not know. So each file is read, written again and compared: a key that is gone,
or has another value, is a key that Grafana does not know there. Exit status 1 then.
"""

import json
import sys

from grafana_foundation_sdk.cog import encoder, plugins, runtime
from grafana_foundation_sdk.models import dashboard

# Keys that a plug-in reads and the library's model leaves out. Each was looked up in Grafana.
BEYOND_THE_MODEL = {
    # Annotations of the Prometheus plug-in: `AnnotationQueryEditor` of Grafana.
    "annotations.list.*": {"step", "tagKeys", "titleFormat", "useValueForTime"},
    # Grafana writes the text of a variable's query into exports, and shows it in its list.
    "templating.list.*": {"definition"},
}


def main(files):
    plugins.register_default_plugins()
    lost = []
    for file in files:
        with open(file, encoding="utf-8") as text:
            told = json.load(text)
        for panel in told["panels"]:
            kind = panel["type"]
            if kind != "row" and runtime.panelcfg_config(kind) is None:
                lost.append(f"{file}: panel {panel['id']}: no panel of Grafana is a {kind}")
        read = dashboard.Dashboard.from_json(told)
        again = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
        lost += [f"{file}: {what}" for what in differences(told, again, "")]
        print(f"{file}: {len(read.panels)} panels, {queries(read)} queries")
    for what in lost:
        print(what, file=sys.stderr)
    return 1 if lost else 0


def queries(board):
    """How many queries the library took for those of Prometheus."""
    targets = [target for panel in board.panels for target in getattr(panel, "targets", None) or []]
    return sum(type(target).__module__.endswith(".prometheus") for target in targets)


def differences(told, again, path):
    """What of `told` is not in `again`. That `again` has more is a default of the library."""
    if isinstance(told, dict) and isinstance(again, dict):
        known = BEYOND_THE_MODEL.get(path.lstrip("."), set())
        for key, value in told.items():
            if key in again:
                yield from differences(value, again[key], f"{path}.{key}")
            # A panel without one of these has none: the library leaves out what is empty.
            elif key not in known and value not in ({}, [], None):
                yield f"{path}.{key} is no key that Grafana knows"
    elif isinstance(told, list) and isinstance(again, list):
        if len(told) != len(again):
            yield f"{path} has {len(told)} entries and is read as {len(again)}"
        for one, other in zip(told, again):
            yield from differences(one, other, f"{path}.*")
    elif told != again:
        yield f"{path} is {told!r} and is read as {again!r}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
