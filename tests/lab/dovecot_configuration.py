"""Dovecot 2.3's configuration for a private instance that takes XOAUTH2 and nothing else."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

_MAIL_UID = 65534  # nobody: Dovecot refuses mail to root


@dataclass(frozen=True)
class DovecotSettings:
    """folder: short and readable for everybody, because sockets and mail users live in it.

    large: processes serve one login after another, as those of a large server do, and so can
    resume TLS sessions; otherwise each login has processes of its own.
    https://doc.dovecot.org/2.3/admin_manual/login_processes/
    """

    folder: Path
    port: int
    introspection_url: str
    ca_file: Path
    cert_file: Path
    key_file: Path
    large: bool = False

    @property
    def mail_root(self) -> Path:
        return self.folder / "mail"

    @property
    def app_users(self) -> Path:
        return self.folder / "app-users"

    @property
    def mail_uid(self) -> int:
        return _MAIL_UID if os.geteuid() == 0 else os.geteuid()

    @property
    def mail_gid(self) -> int:
        return _MAIL_UID if os.geteuid() == 0 else os.getegid()


def write(settings: DovecotSettings) -> Path:
    """Writes the files and gives the main one's path."""
    oauth2 = settings.folder / "oauth2.conf.ext"
    oauth2.write_text(_oauth2(settings))
    main = settings.folder / "dovecot.conf"
    main.write_text(_main(settings, oauth2))
    return main


def _oauth2(settings: DovecotSettings) -> str:
    return f"""
introspection_mode = post
introspection_url = {settings.introspection_url}
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
tls_ca_cert_file = {settings.ca_file}
timeout_msecs = 5000
"""


def _main(settings: DovecotSettings, oauth2: Path) -> str:
    folder = settings.folder
    anybody = "allow_all_users=yes"  # doveadm looks users up without a password
    return f"""
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = lab-{settings.port}
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{settings.cert_file}
ssl_key = <{settings.key_file}
{_users()}
mail_location = maildir:{settings.mail_root}/%Lu/Maildir:LAYOUT=fs
first_valid_uid = {settings.mail_uid}
last_valid_uid = {settings.mail_uid}
first_valid_gid = 1
mail_max_userip_connections = 100
auth_mechanisms = xoauth2
auth_failure_delay = 0
auth_cache_size = 0
auth_username_format = %Lu
auth_username_chars =
imap_capability = IMAP4 IMAP4rev1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+
# Tokens that open more than introspection can say, each with a file of its own: the token is
# what comes as the password.
passdb {{
  driver = passwd-file
  mechanisms = xoauth2
  args = scheme=SHA256.HEX username_format=%Lu {settings.app_users}/%{{sha256:password}}
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {oauth2}
}}
userdb {{
  driver = static
  args = uid={settings.mail_uid} gid={settings.mail_gid} home={settings.mail_root}/%Lu {anybody}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  process_min_avail = 1
  service_count = {0 if settings.large else 1}
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {settings.port}
    ssl = yes
  }}
}}
service imap {{
  service_count = {256 if settings.large else 1}
}}
# Without it, failed logins get slower and slower.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


def _users() -> str:
    """Without root, everything runs as whoever started it, and nothing can be chrooted."""
    if os.geteuid() == 0:
        return ""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    services = ("imap-login", "anvil", "stats", "ipc", "dict")
    return "\n".join(
        [
            f"default_internal_user = {user}",
            f"default_internal_group = {group}",
            f"default_login_user = {user}",
            *(f"service {name} {{\n  chroot =\n}}" for name in services),
        ]
    )
