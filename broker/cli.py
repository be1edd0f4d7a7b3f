"""The command line: one small function for each command, which imports what it needs when it runs.

Exit codes: 0 done, 1 something is not right (the text says what), 2 wrong usage, 78 the settings cannot be used.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .config import ConfigError
from .errors import BrokerError

if TYPE_CHECKING:
    from .config import Config

EX_CONFIG = 78
Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command and give its exit code."""
    options = parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(options)
    except ConfigError as error:
        print("The settings cannot be used:", *(f"  {fault}" for fault in error.faults), sep="\n", file=sys.stderr)
        return EX_CONFIG
    except BrokerError as error:
        print(f"{error.title}. {error.detail}".strip(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    root = argparse.ArgumentParser(prog="python -m broker", description="Ophthalmic Imaging Service")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        return sub

    serving = add("serve", serve, "web and worker together, with the environment's settings")
    serving.add_argument(
        "--env-file", type=Path, help="read settings from this file first, as docker run --env-file does"
    )
    add("web", web, "pages and API only")
    add("worker", worker, "the worker only: verify, promote, publish")
    add("demo", demo, "the demo of `make run`: emulator, sample patients, web, worker")
    add("setup", setup, "make the containers, add the CORS rule, bring the catalog up to date")
    add("check", check, "say how storage, catalog and sign-in stand and what is missing")
    rebuilding = add("rebuild", rebuild, "fill the catalog from what lies in the vault; safe while services run")
    rebuilding.add_argument("--check", action="store_true", dest="check_only", help="compare only, write nothing")
    looking = add("doctor", doctor, "look at everything this deployment stands on; each finding says what to do")
    roles = ("web", "worker", "both")
    looking.add_argument("--as", choices=roles, default="both", dest="role", help="whose identity this is run with")
    looking.add_argument("--scrub", type=int, default=0, metavar="N", help="also hash N stored originals anew")
    erasing = add("erase", erase, "erase a scan's file, or a patient, for ever; asks twice, and is audited")
    which = erasing.add_mutually_exclusive_group(required=True)
    which.add_argument("--scan", metavar="ID", help="the file that this scan came out of, with all its scans")
    which.add_argument("--patient", metavar="ID", help="a patient with all versions, files, scans and records")
    erasing.add_argument("--reason", required=True, metavar="TEXT", help="kept in the audit and in the tombstone")
    erasing.add_argument("--yes", action="store_true", dest="sure", help="do not ask")
    inviting = add("invite", invite, "print a one-time link (30 minutes) with which a person sets a password")
    inviting.add_argument("--role", action="append", required=True, choices=_roles(), help="may stand several times")
    inviting.add_argument("--name", required=True, help="the person's name, as colleagues read it")
    auditing = add("audit", audit, "compare the sealed audit segments with each other and with the catalog")
    auditing.add_argument("act", choices=("verify", "restore"), help="restore: bring rows that the catalog lost back")
    _tokens(commands.add_parser("tokens", help="bearer tokens for programs"))
    return root


def serve(options: argparse.Namespace) -> int:
    """Web and worker under one parent, from the environment alone: never from the demo's state."""
    from .config import Config
    from .ops import env_file
    from .ops import serve as serving

    if options.env_file is not None:
        # What stands in the environment wins, as with docker run.
        os.environ.update(
            {name: value for name, value in env_file.read(options.env_file).items() if name not in os.environ}
        )
    return serving.serve(Config.from_env(os.environ), _say, os.environ)


def web(_: argparse.Namespace) -> int:
    from .ops import serve as serving

    serving.web(_config())
    return 0


def worker(_: argparse.Namespace) -> int:
    from .ops import logs, work

    config = _config()
    logs.configure(config.log_level, readable=config.demo)
    return work.run(config)


def demo(_: argparse.Namespace) -> int:
    from .ops import demo as demonstration

    return demonstration.demo(os.environ, _say)


def setup(_: argparse.Namespace) -> int:
    from .ops import setup as preparing

    prepared = preparing.prepare(_quiet(_config()), patience=10.0)
    for part in (prepared.storage, prepared.catalog):
        _say(part.text)
    return 0 if prepared.good else 1


def check(_: argparse.Namespace) -> int:
    from .ops import check as checking

    return checking.report(_quiet(_config()), _say)


def rebuild(options: argparse.Namespace) -> int:
    from .ops import rebuild as rebuilding

    return rebuilding.rebuild(_quiet(_config()), _say, check_only=options.check_only)


def doctor(options: argparse.Namespace) -> int:
    from .ops import doctor as looking

    return looking.doctor(_quiet(_config()), _say, role=options.role, scrub=options.scrub)


def erase(options: argparse.Namespace) -> int:
    from .ops import erase as erasing

    which = {"scan": options.scan, "patient": options.patient}
    return erasing.erase(_quiet(_config()), _say, input, **which, reason=options.reason, sure=options.sure)


def audit(options: argparse.Namespace) -> int:
    from .ops import chain

    return chain.command(_quiet(_config()), _say, options.act)


def invite(options: argparse.Namespace) -> int:
    from .ops import people

    _say(people.invite(_quiet(_config()), name=options.name, roles=options.role))
    return 0


def tokens_create(options: argparse.Namespace) -> int:
    from .ops import people

    _say(people.create_token(_quiet(_config()), name=options.name, role=options.role))
    return 0


def tokens_list(_: argparse.Namespace) -> int:
    from .ops import people

    for line in people.list_tokens(_quiet(_config())):
        _say(line)
    return 0


def tokens_revoke(options: argparse.Namespace) -> int:
    from .ops import people

    people.revoke_token(_quiet(_config()), options.id)
    _say("Revoked.")
    return 0


def _tokens(sub: argparse.ArgumentParser) -> None:
    commands = sub.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a token; it is printed once and kept as a hash only")
    create.add_argument("--role", required=True, choices=_roles())
    create.add_argument("--name", required=True, help="which program it is for")
    create.set_defaults(command=tokens_create)
    commands.add_parser("list", help="the tokens there are, never their secrets").set_defaults(command=tokens_list)
    revoke = commands.add_parser("revoke", help="make a token useless at once")
    revoke.add_argument("id", help="as `tokens list` shows it")
    revoke.set_defaults(command=tokens_revoke)


def _config() -> Config:
    from .ops.environment import load_config

    return load_config(os.environ)


def _quiet(config: Config) -> Config:
    """For commands whose answer is what they print: only what goes wrong is logged."""
    from .ops import logs

    logs.configure("WARNING", readable=True)
    return config


def _roles() -> list[str]:
    from .words import Role

    return [role.value for role in Role]


def _say(line: str) -> None:
    print(line, flush=True)
