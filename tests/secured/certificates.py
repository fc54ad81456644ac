"""Certificates for one test run, made by openssl: an authority, a server, a client; and a stranger's authority."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM; a key is in PKCS 8, without a password. `server_store` is key and certificate in one."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def strange_ca(self) -> Path:
        return self.folder / "stranger.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def store(self, name: str) -> Path:
        return self.folder / f"{name}.store.pem"


def make(folder: Path) -> Certificates:
    """Make them all."""
    made = Certificates(folder)
    for authority in ("ca", "stranger"):
        _authority(folder, authority)
    _signed(folder, "server", "ca", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    _signed(folder, "client", "ca", "extendedKeyUsage=clientAuth")
    _signed(folder, "strange-client", "stranger", "extendedKeyUsage=clientAuth")
    return made


def _authority(folder: Path, name: str) -> None:
    files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
    _openssl(folder, "req", "-x509", *_KEY, *files, "-days", "2", "-subj", f"/CN=tapesh test {name}")


def _signed(folder: Path, name: str, authority: str, extension: str) -> None:
    _openssl(folder, "req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / f"{name}.ext").write_text(f"{extension}\n")
    signer = ("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2")
    files = ("-in", f"{name}.csr", "-out", f"{name}.pem", "-extfile", f"{name}.ext")
    _openssl(folder, "x509", "-req", *files, *signer)
    store = (folder / f"{name}.key").read_text() + (folder / f"{name}.pem").read_text()
    (folder / f"{name}.store.pem").write_text(store)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
