"""The hash chains of a read log, as text that any other program can rebuild.

Every hash is the SHA-256 of one canonical JSON array whose first element is the hash before it. Runs and seals have chains of
their own that begin at the log's genesis; an event's line names the hash of its run, and a run's line names the head of the
events and of the seals at its start, so that the chains hold each other.
"""

from __future__ import annotations

import hashlib

from reader_app.store.canonical import canonical_json, sha256_text

#: Characters of the head code on a receipt; 10 base32 characters are 50 bits.
HEAD_CODE_LENGTH = 10
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def genesis(reader_id: str, plan_hash: str, created_utc: str, nonce: str) -> str:
    """Return the first hash of a log; ``nonce`` is random, so that two logs of one reader never share a chain."""
    return sha256_text(canonical_json(["reader-app read log", reader_id, plan_hash, created_utc, nonce]))


def run_hash(prev: str, number: int, run_id: str, after_seq: int, after_hash: str, after_seal: str, detail: str) -> str:
    """Return the hash of a run's row; ``detail`` is the canonical JSON of its description."""
    return sha256_text(f'["{prev}",{number},{canonical_json(run_id)},{after_seq},"{after_hash}","{after_seal}",{detail}]')


def event_hash(prev: str, seq: int, run: str, mono_ns: int, wall_utc: str, kind: str, payload: str) -> str:
    """Return the hash of an event's row; ``run`` is the hash of its run, ``payload`` the canonical JSON as stored."""
    return hashlib.sha256(f'["{prev}",{seq},"{run}",{mono_ns},"{wall_utc}","{kind}",{payload}]'.encode()).hexdigest()


def seal_statement(log: str, seq: int, head: str, meaning: str, signer: str, wall_utc: str) -> str:
    """Return the text that a signature covers: which log, up to which event, who, when, and what it means."""
    return canonical_json({"log": log, "seq": seq, "head": head, "meaning": meaning, "signer": signer, "wall_utc": wall_utc})


def seal_hash(prev: str, number: int, statement: str, key: str, signature: str) -> str:
    """Return the hash of a seal's row."""
    return sha256_text(f'["{prev}",{number},{statement},"{key}","{signature}"]')


def head_code(head: str) -> str:
    """Return the short code of a head hash, as it stands on a receipt: ``"QK3TZ-7MPLA"``.

    Parameters
    ----------
    head : str
        64 hexadecimal digits.
    """
    number = int(head, 16)
    letters = [_BASE32[number >> (256 - 5 * (i + 1)) & 31] for i in range(HEAD_CODE_LENGTH)]
    half = HEAD_CODE_LENGTH // 2
    return "".join(letters[:half]) + "-" + "".join(letters[half:])
