"""Everything the stand-in knows, in memory, and in one sqlite file that a SIGKILL cannot tear."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from lab.authentik.fields import Row

_SCHEMA = "CREATE TABLE IF NOT EXISTS object (tab TEXT, pk TEXT, seq INTEGER, row TEXT, PRIMARY KEY (tab, pk))"


class Store:
    """Tables of rows by pk, in the order they came; a request's changes are kept or dropped together."""

    def __init__(self, path: Path | None) -> None:
        if path is not None and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # it will hold keys
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        # the kernel keeps what a killed process wrote; only a power cut would need fsync
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {_SCHEMA}")
        self._tables: dict[str, dict[Any, Row]] = {}
        self._order: dict[tuple[str, Any], int] = {}
        self._undo: dict[tuple[str, Any], Row | None] = {}
        self._next = 0
        for table, seq, row in self._db.execute("SELECT tab, seq, row FROM object ORDER BY seq"):
            loaded = json.loads(row)
            self._tables.setdefault(table, {})[loaded["pk"]] = loaded
            self._order[table, loaded["pk"]] = seq
            self._next = seq + 1

    def rows(self, table: str, where: Callable[[Row], bool] | None = None) -> list[Row]:
        found = self._tables.get(table, {}).values()
        return [row for row in found if where(row)] if where else list(found)

    def get(self, table: str, pk: Any) -> Row | None:
        return self._tables.get(table, {}).get(pk)

    def one(self, table: str, **columns: Any) -> Row | None:
        for row in self._tables.get(table, {}).values():
            if all(row.get(name) == value for name, value in columns.items()):
                return row
        return None

    def put(self, table: str, row: Row) -> Row:
        """A new row, or a changed one: rows are never changed in place."""
        pk = row["pk"]
        rows = self._tables.setdefault(table, {})
        self._undo.setdefault((table, pk), rows.get(pk))
        if pk not in rows:
            self._order[table, pk] = self._next
            self._next += 1
        rows[pk] = deepcopy(row)
        return rows[pk]

    def change(self, table: str, pk: Any, **columns: Any) -> Row:
        return self.put(table, self._tables[table][pk] | columns)

    def delete(self, table: str, pk: Any) -> None:
        row = self._tables.get(table, {}).pop(pk, None)
        if row is not None:
            self._undo.setdefault((table, pk), row)

    def next_int(self, table: str) -> int:
        """A serial number that is never given twice, as a database sequence's."""
        counter = self.get("sequence", table) or {"pk": table, "last": 0}
        self.put("sequence", counter | {"last": counter["last"] + 1})
        return int(counter["last"]) + 1

    @property
    def changed(self) -> frozenset[str]:
        """The tables that this request has changed so far."""
        return frozenset(table for table, _ in self._undo)

    def commit(self) -> None:
        """One transaction, before the request is answered."""
        if not self._undo:
            return
        self._db.execute("BEGIN")
        for table, pk in self._undo:
            row = self.get(table, pk)
            if row is None:
                self._db.execute("DELETE FROM object WHERE tab = ? AND pk = ?", (table, str(pk)))
            else:
                values = (table, str(pk), self._order[table, pk], json.dumps(row))
                self._db.execute("INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?)", values)
        self._db.execute("COMMIT")
        self._undo.clear()

    def rollback(self) -> None:
        """A refused request leaves nothing behind."""
        for (table, pk), before in self._undo.items():
            if before is None:
                self._tables.get(table, {}).pop(pk, None)
            else:
                rows = self._tables.setdefault(table, {}) | {pk: before}
                by_age = sorted(rows, key=lambda key: self._order[table, key])
                self._tables[table] = {key: rows[key] for key in by_age}
        self._undo.clear()

    def snapshot(self) -> dict[str, dict[Any, Row]]:
        """All that is stored now, to be restored."""
        return {table: dict(rows) for table, rows in self._tables.items()}

    def restore(self, snapshot: Mapping[str, Mapping[Any, Row]]) -> None:
        """Bring everything back to a snapshot; serial numbers go on, as they do in a database that rolls back."""
        for table, rows in list(self._tables.items()):
            if table == "sequence":
                continue
            wanted = snapshot.get(table, {})
            for pk in [pk for pk in rows if pk not in wanted]:
                self.delete(table, pk)
            for pk, row in wanted.items():
                if rows.get(pk) != row:
                    self.put(table, row)
        self.commit()

    def close(self) -> None:
        self._db.close()
