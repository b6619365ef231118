"""Users, sessions, API keys and assets, in one SQLite file that survives a kill; bytes of assets are plain files."""

import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
import uuid
from dataclasses import astuple
from pathlib import Path
from typing import Any

from lab.immich.models import ApiKey, Asset, Session, User, now

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL, name TEXT NOT NULL, password TEXT NOT NULL,
  is_admin INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, hash BLOB UNIQUE NOT NULL, user_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS oauth (user_id TEXT PRIMARY KEY, sub TEXT UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS config (section TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL, permissions TEXT NOT NULL,
  created_at TEXT NOT NULL, hash BLOB UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS assets (
  id TEXT PRIMARY KEY, owner_id TEXT NOT NULL, checksum TEXT NOT NULL, kind TEXT NOT NULL, file_name TEXT NOT NULL,
  mime_type TEXT NOT NULL, size INTEGER NOT NULL, file_created_at TEXT NOT NULL, file_modified_at TEXT NOT NULL,
  visibility TEXT NOT NULL, is_favorite INTEGER NOT NULL, is_trashed INTEGER NOT NULL, created_at TEXT NOT NULL,
  UNIQUE (owner_id, checksum));
"""
USERS = "SELECT users.*, COALESCE(oauth.sub, '') FROM users LEFT JOIN oauth ON oauth.user_id = users.id"


class Store:
    def __init__(self, root: Path) -> None:
        self.incoming = root / "incoming"
        self._originals = root / "originals"
        for folder in (self.incoming, self._originals):
            folder.mkdir(parents=True, exist_ok=True)
        for leftover in self.incoming.iterdir():  # uploads that a kill cut off
            leftover.unlink()
        # built in one thread and used in the server's: never in two at once
        self._db = sqlite3.connect(root / "immich.db", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, values).fetchone()
        return row

    # users

    def add_user(self, email: str, password: str, *, name: str, is_admin: bool) -> User | None:
        """None when the address is taken."""
        user = User(str(uuid.uuid4()), email.lower(), name, scrambled(password), is_admin, now())
        with contextlib.suppress(sqlite3.IntegrityError):
            self._db.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?)", astuple(user)[:6])
            return user
        return None

    def set_password(self, user: User, password: str) -> None:
        self._db.execute("UPDATE users SET password = ? WHERE id = ?", (scrambled(password), user.id))

    def user(self, user_id: str) -> User:
        row = self._one(f"{USERS} WHERE users.id = ?", user_id)
        if row is None:
            raise LookupError(user_id)
        return as_user(row)

    def user_by_email(self, email: str) -> User | None:
        row = self._one(f"{USERS} WHERE email = ?", email.lower())
        return as_user(row) if row else None

    def user_by_oauth(self, sub: str) -> User | None:
        row = self._one(f"{USERS} WHERE oauth.sub = ?", sub)
        return as_user(row) if row else None

    def link(self, user: User, sub: str) -> User:
        """The user with that identity at the issuer."""
        self._db.execute("INSERT INTO oauth VALUES (?, ?)", (user.id, sub))
        return self.user(user.id)

    def usage(self, user: User) -> int:
        row = self._one("SELECT COALESCE(SUM(size), 0) FROM assets WHERE owner_id = ?", user.id)
        return int(row[0]) if row else 0

    # configuration

    def config(self) -> dict[str, Any]:
        return {section: json.loads(value) for section, value in self._db.execute("SELECT * FROM config")}

    def set_config(self, sections: dict[str, Any]) -> None:
        rows = [(section, json.dumps(value)) for section, value in sections.items()]
        self._db.executemany("INSERT OR REPLACE INTO config VALUES (?, ?)", rows)

    # sessions and keys

    def add_session(self, user: User, token_hash: bytes) -> None:
        self._db.execute("INSERT INTO sessions VALUES (?, ?, ?)", (str(uuid.uuid4()), token_hash, user.id))

    def session(self, token_hash: bytes) -> Session | None:
        row = self._one("SELECT id, user_id FROM sessions WHERE hash = ?", token_hash)
        return Session(row[0], self.user(row[1])) if row else None

    def delete_session(self, session_id: str) -> None:
        self._db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))

    def add_api_key(self, user: User, name: str, permissions: list[str], secret_hash: bytes) -> ApiKey:
        key = ApiKey(str(uuid.uuid4()), user.id, name, tuple(permissions), now())
        row = (key.id, key.user_id, key.name, json.dumps(permissions), key.created_at, secret_hash)
        self._db.execute("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?)", row)
        return key

    def api_key(self, secret_hash: bytes) -> ApiKey | None:
        row = self._one("SELECT * FROM api_keys WHERE hash = ?", secret_hash)
        return as_key(row) if row else None

    def api_keys(self, user: User) -> list[ApiKey]:
        rows = self._db.execute("SELECT * FROM api_keys WHERE user_id = ? ORDER BY rowid", (user.id,))
        return [as_key(row) for row in rows]

    def delete_api_key(self, user: User, key_id: str) -> bool:
        gone = self._db.execute("DELETE FROM api_keys WHERE id = ? AND user_id = ?", (key_id, user.id))
        return gone.rowcount > 0

    # assets

    def original(self, asset_id: str) -> Path:
        return self._originals / asset_id

    def add_asset(self, asset: Asset, part: Path) -> Asset:
        """Moves the uploaded bytes in; or does nothing and returns the owner's asset with the same bytes."""
        if known := self.asset_by_checksum(asset.owner_id, asset.checksum):
            return known
        part.rename(self.original(asset.id))  # first the bytes: a row must never point at nothing
        self._db.execute("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(asset))
        return asset

    def asset(self, owner_id: str, asset_id: str) -> Asset | None:
        row = self._one("SELECT * FROM assets WHERE id = ? AND owner_id = ?", asset_id, owner_id)
        return as_asset(row) if row else None

    def asset_by_checksum(self, owner_id: str, checksum: str) -> Asset | None:
        row = self._one("SELECT * FROM assets WHERE checksum = ? AND owner_id = ?", checksum, owner_id)
        return as_asset(row) if row else None

    def trash_asset(self, asset: Asset) -> None:
        self._db.execute("UPDATE assets SET is_trashed = 1 WHERE id = ?", (asset.id,))

    def delete_asset(self, asset: Asset) -> None:
        self._db.execute("DELETE FROM assets WHERE id = ?", (asset.id,))
        self.original(asset.id).unlink(missing_ok=True)


def as_user(row: tuple[Any, ...]) -> User:
    user_id, email, name, password, is_admin, created_at, oauth_id = row
    return User(user_id, email, name, password, bool(is_admin), created_at, oauth_id)


def as_key(row: tuple[Any, ...]) -> ApiKey:
    key_id, user_id, name, permissions, created_at, _hash = row
    return ApiKey(key_id, user_id, name, tuple(json.loads(permissions)), created_at)


def as_asset(row: tuple[Any, ...]) -> Asset:
    favorite, trashed, created_at = row[10:]
    values = (*row[:10], bool(favorite), bool(trashed), created_at)
    return Asset(*values)


def scrambled(password: str, salt: str | None = None) -> str:
    salt = salt or secrets.token_hex(16)
    # a cheap setting: the lab starts and logs in often
    return f"{salt}${hashlib.scrypt(password.encode(), salt=salt.encode(), n=2**12, r=8, p=1).hex()}"


def matches(password: str, stored: str) -> bool:
    return hmac.compare_digest(scrambled(password, stored.partition("$")[0]), stored)
