"""Directory servers (LDAP): who binds with the right password, and is in an admitted group, is known. Blocks."""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from http_gateway.auth.classes import need
from http_gateway.errors import ProviderError

_log = logging.getLogger(__name__)

_MEMBER_ATTRIBUTES = ("member", "uniqueMember", "memberUid")


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """How a directory is asked; names and defaults are those of existing configurations, times in seconds."""

    use_ssl: bool = False
    use_tls: bool = True
    connect_timeout: float = 5
    receive_timeout: float = 60
    bind_dn_template: str | Sequence[str] = ()
    allowed_groups: Sequence[str] = ()
    valid_username_regex: str = r"^[a-z][.a-z0-9_-]*$"
    lookup_dn: bool = False
    user_search_base: str = ""
    user_attribute: str = ""
    lookup_dn_search_filter: str = "({login_attr}={login})"
    lookup_dn_search_user: str = ""
    lookup_dn_search_password: str = ""
    lookup_dn_user_dn_attribute: str = ""
    escape_userdn: bool = False
    search_filter: str = ""
    attributes: Sequence[str] = ()
    auth_state_attributes: Sequence[str] = ()
    use_lookup_dn_username: bool = True
    validate_certificate: bool = True

    @property
    def templates(self) -> tuple[str, ...]:
        """The forms of a user's distinguished name."""
        given = self.bind_dn_template
        return (given,) if isinstance(given, str) else tuple(given)


def read_options(given: Mapping[str, Any]) -> DirectoryOptions:
    """Return options as a configuration writes them; null means the default.

    Raises:
        ValueError: an option is unknown, or does not fit the others.
    """
    known = {field.name for field in fields(DirectoryOptions)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"there are no arguments {unknown}")
    options = DirectoryOptions(**{name: value for name, value in given.items() if value is not None})
    if not options.templates and not options.lookup_dn:
        raise ValueError("bind_dn_template is needed, unless lookup_dn is set")
    if options.lookup_dn and not (options.user_search_base and options.user_attribute):
        raise ValueError("lookup_dn needs user_search_base and user_attribute")
    if any("{username}" not in template for template in options.templates):
        raise ValueError("bind_dn_template must contain {username}")
    return options


class Directory:
    """Asks the first of some servers that answers."""

    def __init__(self, servers: str | Sequence[str], port: int | None, options: DirectoryOptions) -> None:
        self._ldap: Any = need("ldap3", "ldap", "LDAPAuthenticator")
        self._servers = [servers] if isinstance(servers, str) else list(servers)
        if not self._servers:
            raise ValueError("server_address is empty")
        self._port = port
        self._options = options
        self._valid_name = re.compile(options.valid_username_regex)

    def verify(self, username: str, password: str) -> str | None:
        """Return the name under which the user is known here, None if they are not admitted.

        Raises:
            ProviderError: no server can be asked.
        """
        # A directory takes a bind without password for an anonymous one, and accepts it.
        if not password or not self._valid_name.match(username):
            return None
        try:
            return self._verify(username, password)
        except (self._ldap.core.exceptions.LDAPException, OSError) as error:
            _log.error("The directory cannot be asked: %s", type(error).__name__)
            raise ProviderError("The directory cannot be asked.") from error

    def _verify(self, username: str, password: str) -> str | None:
        names = self._find_names(username)
        for name, distinguished in names:
            connection = self._connect(distinguished, password)
            try:
                if self._bind(connection) and self._admits(connection, name, distinguished):
                    return name
            finally:
                connection.unbind()
        return None

    def _find_names(self, username: str) -> list[tuple[str, str]]:
        options = self._options
        if not options.lookup_dn:
            return [(username, self._fill(template, username)) for template in options.templates]
        entry = self._look_up(username)
        if entry is None:
            return []
        found = self._first(entry, options.lookup_dn_user_dn_attribute) or username
        name = found if options.use_lookup_dn_username else username
        if not options.templates:
            return [(name, entry["dn"])]
        return [(name, self._fill(template, found)) for template in options.templates]

    def _look_up(self, username: str) -> Any:
        options = self._options
        connection = self._connect(options.lookup_dn_search_user or None, options.lookup_dn_search_password or None)
        try:
            if not self._bind(connection):
                return None
            login = self._ldap.utils.conv.escape_filter_chars(username)
            wanted = options.lookup_dn_search_filter.format(login_attr=options.user_attribute, login=login)
            attributes = [name for name in [options.lookup_dn_user_dn_attribute] if name]
            connection.search(options.user_search_base, wanted, attributes=attributes)
            entries = [entry for entry in connection.response if "attributes" in entry]
            return entries[0] if len(entries) == 1 else None
        finally:
            connection.unbind()

    def _admits(self, connection: Any, name: str, distinguished: str) -> bool:
        return self._passes_filter(connection, name) and self._is_in_group(connection, name, distinguished)

    def _passes_filter(self, connection: Any, name: str) -> bool:
        options = self._options
        if not options.search_filter:
            return True
        escaped = self._ldap.utils.conv.escape_filter_chars(name)
        wanted = options.search_filter.format(userattr=options.user_attribute, username=escaped)
        connection.search(options.user_search_base, wanted, attributes=list(options.attributes))
        return len([entry for entry in connection.response if "attributes" in entry]) == 1

    def _is_in_group(self, connection: Any, name: str, distinguished: str) -> bool:
        if not self._options.allowed_groups:
            return True
        escape = self._ldap.utils.conv.escape_filter_chars
        member, unique, uid = _MEMBER_ATTRIBUTES
        who, short = escape(distinguished), escape(name)
        wanted = f"(|({member}={who})({unique}={who})({uid}={short}))"
        return any(
            connection.search(group, wanted, search_scope=self._ldap.BASE, attributes=[])
            for group in self._options.allowed_groups
        )

    def _fill(self, template: str, username: str) -> str:
        # The whole name of an entry, found by a search, is complete already.
        escaped = username if template == "{username}" else self._ldap.utils.dn.escape_rdn(username)
        return template.replace("{username}", escaped)

    def _first(self, entry: Any, attribute: str) -> str | None:
        if not attribute:
            return None
        values: Any = entry["attributes"].get(attribute)
        if isinstance(values, (list, tuple)):
            values = values[0] if values else None  # pyright: ignore[reportUnknownVariableType]
        return str(values) if values else None  # pyright: ignore[reportUnknownArgumentType]

    def _connect(self, user: str | None, password: str | None) -> Any:
        failure: Exception | None = None
        for address in self._servers:
            server = self._make_server(address)
            timeout_s = self._options.receive_timeout
            connection = self._ldap.Connection(server, user, password, receive_timeout=timeout_s, read_only=True)
            try:
                connection.open()
            except self._ldap.core.exceptions.LDAPException as error:
                failure = error
                continue
            return connection
        raise ProviderError("None of the directory servers answers.") from failure

    def _bind(self, connection: Any) -> bool:
        if self._options.use_tls and not self._options.use_ssl and not connection.start_tls():
            return False
        return bool(connection.bind())

    def _make_server(self, address: str) -> Any:
        host, separator, port = address.rpartition(":")
        chosen = int(port) if separator and port.isdigit() else self._port
        name = host if separator and port.isdigit() else address
        options = self._options
        return self._ldap.Server(
            name,
            port=chosen or (636 if options.use_ssl else 389),
            use_ssl=options.use_ssl,
            tls=self._ldap.Tls(validate=ssl.CERT_REQUIRED if options.validate_certificate else ssl.CERT_NONE),
            connect_timeout=options.connect_timeout,
            get_info=self._ldap.NONE,
        )
