"""The one catalogue of codes: what happened, for the mailbox owner and for the operator.

`make docs` writes docs/errors.md from it.
"""

from typing import Literal, NamedTuple

# What the account does next. retry: it is tried again by itself; reconnect: it waits for its owner
# to sign in again; blocked: it waits for a change at the mailbox's side, and is looked at now and
# then; alarm: it stays as it is, the operator has to act; none: nothing changes.
type Then = Literal["retry", "reconnect", "blocked", "alarm", "none"]

_PERSONAL_IMAP = "https://support.microsoft.com/office/d088b986-291d-42b8-9564-9c414e2aa040"
_EXCHANGE_IMAP = (
    "https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/pop3-and-imap4/"
    "enable-or-disable-pop3-or-imap4-access"
)
_SMTP_AUTH = "https://aka.ms/smtp_auth_disabled"
_TABLE_ROLES = "https://learn.microsoft.com/azure/storage/tables/assign-azure-role-data-access"
_IDENTITY = "https://learn.microsoft.com/azure/app-service/overview-managed-identity"
_REGISTRATION = "https://learn.microsoft.com/entra/identity-platform/quickstart-register-app"
_SECRETS = "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials"
_CONSENT = (
    "https://learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent?pivots=portal"
)


class Entry(NamedTuple):
    """owner: a sentence for the mailbox owner; operator: one for us; link: where to fix it."""

    owner: str
    operator: str
    link: str = ""
    then: Then = "none"


ENTRIES: dict[str, Entry] = {
    # The login
    "cancelled": Entry(
        "You cancelled the sign-in at Microsoft. Nothing was stored.",
        "The person pressed Cancel at Microsoft.",
    ),
    "state_missing": Entry(
        "The answer from Microsoft was incomplete.",
        "The callback came without a state, or with more than one.",
    ),
    "login_unknown": Entry(
        "This sign-in is not known here, or it was started too long ago.",
        "The callback's state has no row: never issued, purged, or from another deployment.",
    ),
    "login_expired": Entry(
        "This sign-in took longer than ten minutes and has expired.",
        "The login's row was past its expiry when the callback came.",
    ),
    "login_used": Entry(
        "This sign-in was already used.",
        "The callback came again for a login that is running or has ended.",
    ),
    "login_cookie_missing": Entry(
        "This sign-in was started in another browser, or the browser did not keep its cookie.",
        "The callback came without the cookie that the login had set.",
    ),
    "form_refused": Entry(
        "The sign-in has to be started from our own page, with cookies allowed.",
        "A form came without its cookie or token, or from a foreign origin.",
    ),
    "return_to_refused": Entry(
        "The link that brought you here asks to return to a site that is not allowed.",
        "return_to is not one of the origins in RETURN_URLS.",
    ),
    "login_closed": Entry(
        "Mailboxes are connected by invitation only here.",
        "OPEN_CONNECT is not true, so /api/login without an invitation is closed.",
    ),
    "invitation_invalid": Entry(
        "This link is not an invitation, or it is damaged. Open it as you got it, or ask for a "
        "new one.",
        "The invitation does not open: edited, cut short, sealed with a key that was taken out of "
        "ENCRYPTION_KEYS, or for an endpoint that was removed.",
    ),
    "invitation_expired": Entry(
        "This invitation has expired. Ask for a new one.",
        "The invitation was opened after its expires_at.",
    ),
    "invitation_used": Entry(
        "A mailbox was already connected with this invitation. For another one, ask for a new "
        "invitation.",
        "The invitation was used up by a successful connect.",
    ),
    "wrong_kind_of_account": Entry(
        "This is not the kind of Microsoft account that was invited. A personal account is one of "
        "Outlook.com; one from work or school belongs to an organisation.",
        "The invitation's kind, or its shared mailbox, wants the other kind of account.",
    ),
    "result_unknown": Entry(
        "There is no such result here.",
        "A result that was never given out, was redeemed before, or is older than five minutes.",
    ),
    "too_many_logins": Entry(
        "Many people are signing in here right now. Nothing was stored; please start again in a "
        "few minutes.",
        "OPEN_LOGINS_LIMIT logins are open. A place is free again when one is used or expires.",
    ),
    "id_token_refused": Entry(
        "Microsoft's answer did not fit this sign-in.",
        "The id_token failed our own checks; the detail names the claim.",
    ),
    "code_refused": Entry(
        "Microsoft did not accept this sign-in's code. It may have been used already.",
        "The code was redeemed, expired, or belongs to another login.",
    ),
    "wrong_account": Entry(
        "This Microsoft account can't be used here: another one was invited, or it is not of a "
        "kind that is allowed. Please sign in with the other one.",
        "Another identity than the invitation is for; or an account or tenant that AUTHORITY or "
        "the registration does not allow.",
        _REGISTRATION,
        then="reconnect",
    ),
    "scopes_missing": Entry(
        "Access to the mailbox was not granted. It needs the permission to read mail by IMAP.",
        "The granted scopes lack IMAP.AccessAsUser.All.",
    ),
    "too_many_tries": Entry(
        "That was tried several times. Please start again.",
        "More than 5 tries on one result page.",
    ),
    "still_removing": Entry(
        "This mailbox is still being removed. Try again in a minute.",
        "The callback met the tombstone of the same account.",
        then="retry",
    ),
    # An application in its own name
    "consent_expired": Entry(
        "This link has expired. Ask for a new one.",
        "An administrator's consent came back more than 7 days after its link was made.",
    ),
    "consent_refused": Entry(
        "The answer from Microsoft does not fit the link.",
        "A consent came back with a code, for another tenant, or without its outcome.",
    ),
    "app_not_consented": Entry(
        "An administrator of your organisation has not granted access to the application yet.",
        "No token for this tenant: its administrator has to consent to IMAP.AccessAsApp. Open the "
        "link that POST accounts gives.",
        _CONSENT,
        then="blocked",
    ),
    "tenant_unknown": Entry(
        "Microsoft does not know this organisation.",
        "There is no such tenant, or it was removed.",
        then="blocked",
    ),
    # Tokens
    "consent_missing": Entry(
        "The permission to read mail is missing or was withdrawn. Please sign in again.",
        "Consent was not given, or it was withdrawn.",
        _CONSENT,
        then="reconnect",
    ),
    "admin_consent_needed": Entry(
        "Your organisation wants an administrator to approve this app first. Ask yours for it.",
        "The tenant lets nobody but its administrators approve an app.",
        _CONSENT,
        then="reconnect",
    ),
    "sign_in_again": Entry(
        "Microsoft no longer accepts the stored sign-in. Please sign in again.",
        "The refresh token was refused (invalid_grant).",
        then="reconnect",
    ),
    "sign_in_interaction": Entry(
        "Microsoft asks for one more step at sign-in. Please sign in again.",
        "Interaction is required: multi-factor authentication or new terms.",
        then="reconnect",
    ),
    "policy_refused": Entry(
        "A rule of your organisation does not allow this sign-in. Ask your administrator.",
        "Conditional access or an assignment rule refused the sign-in.",
        "https://entra.microsoft.com/#view/Microsoft_AAD_ConditionalAccess",
        then="reconnect",
    ),
    "account_disabled": Entry(
        "This Microsoft account is locked or disabled.",
        "The account is locked, disabled, or its password has expired.",
        then="reconnect",
    ),
    "microsoft_unavailable": Entry(
        "Microsoft's sign-in service did not answer. It usually works again in a few minutes.",
        "The identity platform answered 429 or 5xx, not in JSON, or not at all.",
        then="retry",
    ),
    "token_busy": Entry(
        "This mailbox is being signed in by another run. It is tried again by itself.",
        "Another run holds the lease on the account's token.",
        then="retry",
    ),
    "shards_changed": Entry(
        "The service is not set up correctly. Its operator has been told.",
        "SHARDS was changed, and accounts are stored where it does not look for them: they can't "
        "be found, nobody is connected, and mail may wait. Set SHARDS back; or set SHARDS_BEFORE "
        "to what SHARDS was, and move the accounts with POST /api/maintenance/reshard. Right "
        "after a change it may only mean that some instances still run with the former settings.",
        then="alarm",
    ),
    "reshard_off": Entry(
        "Nothing is being moved.",
        "SHARDS_BEFORE is not set, so accounts have nowhere to be moved from.",
    ),
    "reshard_too_early": Entry(
        "Try again in a few minutes.",
        "Instances with the former settings may still be running: accounts are moved from ten "
        "minutes after the first one with these, and once the timer has run with them.",
        then="retry",
    ),
    "operator_credentials": Entry(
        "The application is not set up correctly at Microsoft. Its operator has to fix that.",
        "Microsoft refused our secret or certificate: it is wrong, or it has expired. No sign-in "
        "is renewed until it accepts it.",
        _SECRETS,
        then="alarm",
    ),
    "credentials_expire_soon": Entry(
        "",
        "The client secret (by CLIENT_SECRET_EXPIRES_ON) or certificate ends within 30 days. "
        "Make a new one.",
        _SECRETS,
        then="alarm",
    ),
    "credentials_expired": Entry(
        "",
        "The client secret (by CLIENT_SECRET_EXPIRES_ON) or certificate has ended, and no sign-in "
        "can be renewed.",
        _SECRETS,
        then="alarm",
    ),
    "client_id_unknown": Entry(
        "The application is not set up correctly at Microsoft. Its operator has to fix that.",
        "Microsoft knows no application of this id. CLIENT_ID is the Application (client) ID on "
        "the registration's overview, and its account types must fit AUTHORITY.",
        _REGISTRATION,
        then="alarm",
    ),
    "client_secret_refused": Entry(
        "The application is not set up correctly at Microsoft. Its operator has to fix that.",
        "Microsoft refused CLIENT_SECRET. It must be the secret's Value, not its ID; make a new "
        "one where the value is lost.",
        _SECRETS,
        then="alarm",
    ),
    "redirect_uri_unknown": Entry(
        "The application is not set up correctly at Microsoft. Its operator has to fix that.",
        "This redirect URI is not registered. Add it to the letter under Authentication, platform "
        "Web; it is PUBLIC_BASE_URL and /api/callback.",
        _REGISTRATION,
        then="alarm",
    ),
    "operator_registration": Entry(
        "The application is not set up correctly at Microsoft. Its operator has to fix that.",
        "Microsoft refused our registration: client id, redirect URI, scopes, kind of accounts.",
        _REGISTRATION,
        then="alarm",
    ),
    "unknown_encryption_key": Entry(
        "The application is not set up correctly. Its operator has to fix that.",
        "A row was sealed with a key id that ENCRYPTION_KEYS does not hold. Put it back.",
        then="alarm",
    ),
    "sealed_data_damaged": Entry(
        "Stored data can't be read. The operator of the application has to look at it.",
        "A sealed value does not open: it was edited, moved from another row or damaged, or "
        "ENCRYPTION_KEYS has another key under its id.",
        then="alarm",
    ),
    "settings_wrong": Entry(
        "The application is not set up correctly. Its operator has to fix that.",
        "Settings are missing or wrong; /api/health and the log name them.",
        then="alarm",
    ),
    # The mailbox
    "imap_denied": Entry(
        "The mailbox refuses access by IMAP. For Outlook.com, switch on \u201cLet devices and apps "
        "use POP or IMAP\u201d in the settings; at work, ask your administrator to allow IMAP.",
        "AUTHENTICATE failed with a fresh token: IMAP is off, or the address is not a mailbox.",
        _PERSONAL_IMAP,
        then="blocked",
    ),
    "mailbox_unavailable": Entry(
        "Microsoft let us sign in and then did not open the mailbox. Its licence may be missing.",
        "Authenticated but not connected. After five times in a row the account is blocked.",
        _EXCHANGE_IMAP,
        then="retry",
    ),
    "folder_missing": Entry(
        "A folder that should be watched does not exist any more.",
        "EXAMINE or STATUS refused the folder.",
        then="blocked",
    ),
    "imap_unavailable": Entry(
        "The mail server did not answer. It is tried again by itself.",
        "IMAP connection refused, cut, not trusted or too slow.",
        then="retry",
    ),
    "imap_throttled": Entry(
        "The mail server asked us to wait. It is tried again by itself.",
        "The mailbox is throttled.",
        then="retry",
    ),
    # Sending
    "smtp_disabled": Entry(
        "The mailbox may not send by SMTP. Ask your administrator to switch it on.",
        "SMTP AUTH is switched off for the mailbox or its tenant.",
        _SMTP_AUTH,
        then="blocked",
    ),
    "smtp_denied": Entry(
        "The mailbox does not let the application send. Its owner has to sign in again and allow "
        "it.",
        "SMTP refused a fresh token: the owner was never asked for SMTP.Send (SENDING was false "
        "when he signed in), the app lacks SMTP.SendAsApp, or SMTP AUTH is off.",
        _SMTP_AUTH,
        then="blocked",
    ),
    "send_as_denied": Entry(
        "The mailbox may not send as this address. Ask your administrator for the permission.",
        "Exchange refused the sender: whoever signs in needs Send As for it.",
        "https://learn.microsoft.com/exchange/recipients-in-exchange-online/"
        "manage-permissions-for-recipients",
        then="blocked",
    ),
    "sending_suspended": Entry(
        "Microsoft has stopped this mailbox from sending. Ask your administrator to release it.",
        "Exchange suspects outbound spam from the mailbox or its tenant.",
        "https://learn.microsoft.com/defender-office-365/outbound-spam-restore-restricted-users",
        then="blocked",
    ),
    "smtp_throttled": Entry(
        "Too much is being sent from this mailbox. Try again in a minute.",
        "Exchange takes three submissions of a mailbox at once, and so many in a minute and a "
        "day. Nothing was sent.",
        then="retry",
    ),
    "smtp_unavailable": Entry(
        "The mail server did not take the mail. Try again in a minute.",
        "SMTP connection refused, cut before the mail was sent, not trusted or too slow, or a "
        "refusal for now (4yz, in the detail). Nothing was sent.",
        then="retry",
    ),
    "mail_refused": Entry(
        "The mail server refused this mail.",
        "An SMTP refusal for good (5yz, in the detail). Nothing was sent; the same mail would be "
        "refused again.",
    ),
    "recipient_refused": Entry(
        "The mail server refused a recipient.",
        "The detail names the recipient's field. Nothing was sent, to the others neither.",
    ),
    "mail_too_large": Entry(
        "This mail is larger than the mail server takes.",
        "The server has a limit of its own below ours; its reply's numbers are in the detail.",
    ),
    "outcome_unknown": Entry(
        "It is not known whether this mail was sent.",
        "The connection ended while the mail was under way, or the run that sent it did, and the "
        "Sent folder does not have it (yet). It is never sent again under this Idempotency-Key: "
        "ask again later with the same one, or look for message_id.",
    ),
    "idempotency_key_reused": Entry(
        "This was already used for another mail.",
        "An Idempotency-Key of the last day came again with another body.",
    ),
    "sending_limit": Entry(
        "Too much is being sent from this mailbox. Try again in a moment.",
        "Three submissions of an account at once and 30 a minute are what Exchange takes.",
    ),
    "sending_off": Entry(
        "Nothing is sent from here.",
        "SENDING is false, so this route is off.",
    ),
    # Inside
    "storage_unavailable": Entry(
        "Something here did not work. It usually works again in a minute.",
        "Storage answered 5xx or not at all.",
        then="retry",
    ),
    "storage_denied": Entry(
        "Something here did not work. It usually works again in a minute.",
        "Storage does not let us in. AuthorizationPermissionMismatch: the identity lacks the role "
        "Storage Table Data Contributor on the account (for the host's queues Storage Queue Data "
        "Contributor); a new assignment can take some minutes. AuthorizationFailure: the account's "
        "firewall. KeyBasedAuthenticationNotPermitted: the account takes no keys, so leave the "
        "connection string out and set AzureWebJobsStorage__accountName. Otherwise the key, the "
        "signature or the clock is wrong, or the identity is of another tenant.",
        _TABLE_ROLES,
        then="retry",
    ),
    "identity_unavailable": Entry(
        "Something here did not work. It usually works again in a minute.",
        "The platform's endpoint for managed identities did not answer, or not with a token. It is "
        "on the app's own machine and usually comes back by itself; if it stays away, restart the "
        "app.",
        _IDENTITY,
        then="retry",
    ),
    "identity_refused": Entry(
        "Something here did not work. It usually works again in a minute.",
        "The platform has no such managed identity for this app: assign the one whose client id "
        "AzureWebJobsStorage__clientId is, or correct that setting; without it, switch the "
        "system-assigned identity on.",
        _IDENTITY,
        then="retry",
    ),
    "internal": Entry(
        "Something here did not work. It is tried again by itself.",
        "An unexpected exception; its class is in the log.",
        then="retry",
    ),
    # Health
    "timer_late": Entry(
        "",
        "The timer has not run for 3 minutes: no mailbox is looked at. Is the app stopped, or "
        "enqueue_due_mailboxes disabled? The host's log says why it does not run.",
        then="alarm",
    ),
    "accounts_stale": Entry(
        "",
        "Mailboxes that count as active were not read for 3 intervals: GET health/details names "
        "them, and the log says why. `make doctor ACCOUNT=ID` goes through one step by step.",
        then="alarm",
    ),
    "python_too_old": Entry(
        "",
        "Python 3.13 or newer is needed: it is what Azure runs the app with.",
        then="alarm",
    ),
    "clock_wrong": Entry(
        "",
        "This machine's clock is wrong by so much. Have it set by NTP: storage refuses requests "
        "that are 15 minutes off, and tokens seem to live longer or shorter than they do.",
        then="alarm",
    ),
    # Endpoints
    "endpoint_unknown": Entry(
        "There is no such address for notifications.",
        "No endpoint has this id.",
    ),
    "endpoint_of_settings": Entry(
        "This address for notifications belongs to the application's settings.",
        "WEBHOOK_URL and WEBHOOK_SECRET make this endpoint: change it there.",
    ),
    "too_many_endpoints": Entry(
        "There are too many addresses for notifications.",
        "100 endpoints are the most; remove one first.",
    ),
    "too_many_secrets": Entry(
        "There are too many secrets that sign for this address.",
        "Five replaced secrets still sign; wait for one to end, or rotate with an overlap of 0.",
    ),
    "endpoint_gone": Entry(
        "The address for notifications said that it is gone.",
        "The endpoint answered 410 Gone. It gets nothing until it is enabled again.",
    ),
    "endpoint_failing": Entry(
        "The address for notifications has failed for five days.",
        "The endpoint has failed for 5 days. It gets nothing until it is enabled again.",
    ),
    "endpoint_paused": Entry(
        "The address for notifications was switched off.",
        "Somebody disabled the endpoint. What it is owed waits until it is enabled again.",
    ),
    "delivery_unknown": Entry(
        "There is no such notification here.",
        "No event has this webhook id, or it was delivered more than 7 days ago.",
    ),
    # Mail
    "folder_unknown": Entry(
        "There is no such folder in the mailbox.",
        "The mailbox has no folder of this name that can be opened; the detail names the field. "
        "GET accounts/{id}/folders lists them.",
    ),
    "message_unknown": Entry(
        "There is no such mail in the folder.",
        "No mail has this UID in this folder: it was moved or deleted, or never there.",
    ),
    "attachment_unknown": Entry(
        "The mail has no such attachment.",
        "No attachment of this mail has this id. They are listed with the mail.",
    ),
    "uid_validity_changed": Entry(
        "The mail server has numbered the folder anew.",
        "The folder's UIDVALIDITY is not the one that came with the UID or the cursor, so they "
        "name nothing there any more. List the folder again.",
    ),
    "message_unreadable": Entry(
        "The mail server does not give this mail.",
        "The server refuses to give this one mail, or what it gives can't be read.",
    ),
    "content_too_large": Entry(
        "This is too large to be fetched here.",
        "More than 64 MiB as sent. POST accounts/{id}/access-token lets an IMAP library fetch it.",
    ),
    # The API
    "stale": Entry(
        "Something changed in the meantime. Try again.",
        "Another writer was faster.",
        then="retry",
    ),
    "account_unknown": Entry(
        "There is no such mailbox here.",
        "No account has this id.",
    ),
    "field_invalid": Entry(
        "A value that was sent is not valid.",
        "A field of the request is not valid; the detail names it.",
    ),
    "queue_message_invalid": Entry(
        "",
        "A queue message that is not ours, or of another version; it was dropped.",
    ),
    "endpoint_refused": Entry(
        "Webhooks can't be sent to this address.",
        "An endpoint's URL, or an address that its host has now, is not public; the detail says "
        "what is wrong. ALLOW_PRIVATE_ENDPOINTS opens http, ports, loopback and private ranges.",
    ),
    "account_inactive": Entry(
        "This mailbox is paused, or needs its owner to sign in again before it can be checked.",
        "Only an active or blocked account can be checked.",
    ),
    "access_tokens_off": Entry(
        "Access tokens are not given out here.",
        "ACCESS_TOKEN_KEY is not set, so this route is off.",
    ),
    "access_token_key_wrong": Entry(
        "Access tokens are given out to those only who have the key for it.",
        "The header x-access-token-key is missing, or is not ACCESS_TOKEN_KEY.",
    ),
    "account_state_refused": Entry(
        "This can't be done while the mailbox stands as it does.",
        "Only an active or blocked account can be paused, and only a paused one resumed; the "
        "detail is how it stands.",
    ),
}

# Storage is not to be had, for one reason or another: what was written may be there all the same.
STORAGE = frozenset(
    {"storage_unavailable", "storage_denied", "identity_unavailable", "identity_refused"}
)
