"""Who can sign in: personal and work accounts, and the mailboxes that are theirs."""

import uuid
from dataclasses import dataclass, field

PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
CONTOSO = "5f0a1c1e-3c1b-4b7e-9d53-0c2f6a5d9b10"
_GUID_LENGTH = 36


@dataclass
class Person:
    """An account at Microsoft; mailboxes are names besides the username that its token opens."""

    username: str
    tid: str
    oid: str
    email: str
    mailboxes: set[str] = field(default_factory=set)
    consented: bool = False
    owns_mailbox: bool = True

    @property
    def personal(self) -> bool:
        return self.tid == PERSONAL_TENANT

    @property
    def mailbox(self) -> str:
        """The username is not always a mailbox: then it is the first of the other names."""
        return self.username if self.owns_mailbox else min(self.mailboxes, default="")

    def opens(self, mailbox: str) -> bool:
        own = {self.username.casefold()} if self.owns_mailbox else set()
        return mailbox.casefold() in own | {name.casefold() for name in self.mailboxes}


class People:
    """All accounts by username, whatever its case."""

    def __init__(self) -> None:
        self._by_name: dict[str, Person] = {}
        self.add("ada@outlook.example", "personal")
        self.add("grace@contoso.example", "work")

    def add(
        self,
        username: str,
        kind: str = "personal",
        *,
        tid: str = "",
        oid: str = "",
        email: str = "",
        mailboxes: tuple[str, ...] = (),
        owns_mailbox: bool = True,
    ) -> Person:
        """Adds an account, or changes the one of that name; its oid stays unless one is given."""
        known = self._by_name.get(username.casefold())
        person = Person(
            username=username,
            tid=tid or (PERSONAL_TENANT if kind == "personal" else CONTOSO),
            oid=oid or (known.oid if known else str(uuid.uuid4())),
            email=email or username,
            mailboxes=set(mailboxes),
            consented=known.consented if known else False,
            owns_mailbox=owns_mailbox,
        )
        if known:  # what was issued to it sees the change
            known.__dict__.update(vars(person))
            return known
        self._by_name[username.casefold()] = person
        return person

    def get(self, username: str) -> Person | None:
        return self._by_name.get(username.strip().casefold())

    def tenant(self, name: str) -> str:
        """The id of the tenant that has this id or this domain; '' where there is none."""
        if len(name) == _GUID_LENGTH:
            return name.lower()
        ends = f"@{name.casefold()}"
        work = (person for person in self._by_name.values() if not person.personal)
        return next((one.tid for one in work if one.username.casefold().endswith(ends)), "")

    def of_tenant(self, tenant: str) -> list[Person]:
        """The accounts that an authority's tenant lets in."""
        return [person for person in self._by_name.values() if allowed(person, tenant)]

    def all(self) -> list[Person]:
        return list(self._by_name.values())


def allowed(person: Person, tenant: str) -> bool:
    """Whether an account of that tenant may sign in at the authority."""
    match tenant:
        case "common":
            return True
        case "organizations":
            return not person.personal
        case "consumers":
            return person.personal
        case _:
            return person.tid == tenant.lower()


def tenant_id(people: People, tenant: str) -> str:
    """What discovery says in its issuer: a template where many tenants are let in, '' for none."""
    if tenant == "consumers":
        return PERSONAL_TENANT
    return "{tenantid}" if tenant in {"common", "organizations"} else people.tenant(tenant)
