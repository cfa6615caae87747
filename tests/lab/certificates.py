"""The lab's own certificate authority, and one certificate for localhost."""

from pathlib import Path

import trustme


class Authority:
    """Files in `folder`: `ca_file` to trust, `cert_file` (the chain) and `key_file` to serve."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = folder / "ca.pem"
        self.cert_file = folder / "cert.pem"
        self.key_file = folder / "key.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_file))
        leaf = authority.issue_cert("localhost", "127.0.0.1", "::1")
        self.cert_file.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        self.key_file.touch(0o600)
        leaf.private_key_pem.write_to_path(str(self.key_file))
