"""All settings. Without any environment: SQLite, Celery's filesystem broker and local files under `var/`.

Production sets DATABASE_URL, BROKER_URL, SECRET_KEY, ALLOWED_HOSTS (and STORAGE=s3); see docs/operations.md.
"""

import logging
import secrets
import ssl
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import validate

from portal import environment as allowed
from portal.environment import DURATION, NOT_NEGATIVE, POSITIVE, Environment, make_folder, refuse

BASE_DIR = Path(__file__).resolve().parent.parent

# In the place of a default.
NEEDED: Any = ...
env = Environment()
with env.prefixed("VERIBOARD_"):
    VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var"))).expanduser().resolve()
    PRODUCTION = env.bool("PRODUCTION", False)
    DEBUG = env.bool("DEBUG", False)

    # Uploads and fetched files.
    MAX_WEIGHTS_BYTES = env.int("MAX_WEIGHTS_BYTES", 2 * 1024**3, validate=POSITIVE)
    # Uploads in parts: how much one account may have here unsubmitted, how large a part the form's script sends, how
    # long a pause counts as giving up, and how much of the disk stays free.
    UPLOAD_QUOTA_BYTES = env.int("UPLOAD_QUOTA_BYTES", 4 * 1024**3, validate=NOT_NEGATIVE)
    UPLOAD_PART_BYTES = env.int("UPLOAD_PART_BYTES", 8 * 1024**2, validate=POSITIVE)
    UPLOAD_KEEP_HOURS = env.float("UPLOAD_KEEP_HOURS", 48, validate=DURATION)
    DISK_RESERVE_BYTES = env.int("DISK_RESERVE_BYTES", 1024**3, validate=NOT_NEGATIVE)
    FETCH_TIMEOUT_SECONDS = env.float("FETCH_TIMEOUT_SECONDS", 1800, validate=DURATION)
    # Tests and development fetch from a server on this machine; production never does.
    FETCH_ALLOW_PRIVATE = env.bool("FETCH_ALLOW_PRIVATE", False)

    # Runs.
    LEASE_SECONDS = env.float("LEASE_SECONDS", 20, validate=DURATION)
    HEARTBEAT_SECONDS = env.float("HEARTBEAT_SECONDS", 2, validate=DURATION)
    RECONCILE_SECONDS = env.float("RECONCILE_SECONDS", 5, validate=DURATION)
    RUN_TIMEOUT_SECONDS = env.float("RUN_TIMEOUT_SECONDS", 6 * 3600, validate=DURATION)
    MAX_ATTEMPTS = env.int("MAX_ATTEMPTS", 3, validate=POSITIVE)
    # How long a worker takes no run after it could not evaluate one.
    REST_SECONDS = env.float("REST_SECONDS", 10, validate=allowed.PAUSE)
    # A run with more multiply-adds than this is cut into parts of about so many, which several workers take.
    PART_MULTIPLY_ADDS = env.float("PART_MULTIPLY_ADDS", 2e13, validate=POSITIVE)
    # One with more than this waits for a GPU worker, where one is alive.
    GPU_MULTIPLY_ADDS = env.float("GPU_MULTIPLY_ADDS", 2e12, validate=NOT_NEGATIVE)
    # A worker keeps a box ready for its next run, with its libraries loaded: memory for seconds less of waiting.
    SPARE_BOX = env.bool("SPARE_BOX", True)
    # What a killed predictor loses at most.
    CHUNK_IMAGES = env.int("CHUNK_IMAGES", 512, validate=POSITIVE)
    # "cpu" keeps a worker from using the GPUs of its machine.
    DEVICES = env.str("DEVICES", "auto", validate=validate.OneOf(["auto", "cpu"]))
    QUOTA_PER_DAY = env.int("QUOTA_PER_DAY", 20, validate=NOT_NEGATIVE)
    # Evaluates without isolation where no sandbox works. The record of each such run says so.
    ALLOW_OPEN_BOX = env.bool("ALLOW_OPEN_BOX", False)

# Signs attestations; made at the first start. Where several machines publish they share this file.
SIGNING_KEY_FILE = Path(env.str("VERIBOARD_SIGNING_KEY_FILE", str(VAR_DIR / "signing_key.pem")))
if SIGNING_KEY_FILE.is_dir():
    refuse("VERIBOARD_SIGNING_KEY_FILE", f"names {SIGNING_KEY_FILE}, which is a folder")
if LEASE_SECONDS <= HEARTBEAT_SECONDS:
    refuse("VERIBOARD_LEASE_SECONDS", "is at fault: it must be longer than VERIBOARD_HEARTBEAT_SECONDS")
for is_on, variable in ((DEBUG, "VERIBOARD_DEBUG"), (FETCH_ALLOW_PRIVATE, "VERIBOARD_FETCH_ALLOW_PRIVATE")):
    if PRODUCTION and is_on:
        refuse(variable, "is for development: it cannot be 1 where VERIBOARD_PRODUCTION is")

make_folder("VERIBOARD_VAR_DIR", VAR_DIR)


def read_or_make_secret(path: Path) -> str:
    """Return the secret stored at `path`, drawn at the first start."""
    try:
        if not path.exists() or not path.stat().st_size:
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(50))
        return path.read_text()
    except OSError as error:
        refuse("SECRET_KEY", f"is not set, and none can be kept in {path} ({error.strerror})")


# Fails loudly in production; elsewhere a secret of its own is kept beside the database.
SECRET_KEY = env.str("SECRET_KEY") if PRODUCTION else env.str("SECRET_KEY", read_or_make_secret(VAR_DIR / "secret_key"))
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    NEEDED if PRODUCTION else ["127.0.0.1", "localhost", "[::1]"],
    subcast=str.strip,
    validate=allowed.each(allowed.HOST),
)
# Mails, feeds and attestations that are made without a request lead here, some for good.
own_address = f"https://{ALLOWED_HOSTS[0].removeprefix('.')}" if PRODUCTION else "http://127.0.0.1:8000"
if "*" in own_address:
    own_address = NEEDED
BASE_URL = env.str("VERIBOARD_BASE_URL", own_address, validate=allowed.ORIGIN).rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list(
    "CSRF_TRUSTED_ORIGINS", [BASE_URL], subcast=allowed.read_origin, validate=allowed.each(allowed.ORIGIN)
)

INSTALLED_APPS = [
    "modeltranslation",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "template_partials",
    "csp",
    "django_prometheus",
    "portal.accounts",
    "leaderboard",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "portal.languages.drop_refused",
    "portal.repeats.RepeatMiddleware",
    "portal.repeats.TagMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.slashes.keep_method",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.nulls.NullByteMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
    {
        # The table of a board alone.
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "jinja2"],
        "OPTIONS": {"environment": "leaderboard.views.table.make_environment"},
    },
]

# --- Database -------------------------------------------------------------------------------------------------------

if env.str("DATABASE_URL", "", validate=allowed.address_of("postgresql", "postgres", "sqlite")):
    DATABASES = {"default": dict(env.dj_db_url("DATABASE_URL", conn_max_age=60, conn_health_checks=True))}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(VAR_DIR / "veriboard.sqlite3")}}
if not DATABASES["default"]["NAME"]:
    refuse("DATABASE_URL", "names no database: it looks like postgresql://user:password@host/name")
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE takes the write lock at BEGIN: a busy database waits instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    # A pooler gives each transaction another session, where a cursor of the last one is unknown.
    DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True
    # A machine that is gone without a word is given up after half a minute; the system would take up to two hours. All
    # this is the client's own, and the address may say otherwise.
    patience = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 4}
    DATABASES["default"]["OPTIONS"] = patience | {"tcp_user_timeout": 30_000} | DATABASES["default"].get("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker ---------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str(
    "BROKER_URL",
    "filesystem://",
    validate=[allowed.address_of("redis", "rediss", "redis+socket", "filesystem"), allowed.CERTIFICATES],
)
# Of a `rediss://` without a word on certificates Celery would take any.
CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if CELERY_BROKER_URL.startswith("rediss://") else None
if CELERY_BROKER_URL.startswith("filesystem://"):
    BROKER_DIR = VAR_DIR / "broker"
    for folder in ("messages", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.2,
    }
else:
    # Of a Redis that takes connections and says nothing, a submission would wait for ever.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5, "socket_keepalive": True}
CELERY_TASK_DEFAULT_QUEUE = "cpu"
CELERY_TASK_IGNORE_RESULT = True
# The database is the truth: a message is only a nudge, so it is acknowledged at once and never redelivered.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_ROUTES = {
    "evaluation.reconcile": {"queue": "control"},
    "evaluation.deliver": {"queue": "control"},
    "evaluation.notify": {"queue": "control"},
    "evaluation.illustrate": {"queue": "control"},
    "evaluation.catch_up": {"queue": "control"},
    "evaluation.announce": {"queue": "control"},
}
DELIVER_SECONDS = 15
NOTIFY_SECONDS = 10
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    "catch_up": {"task": "evaluation.catch_up", "schedule": 5.0, "options": {"expires": 5.0}},
    "illustrate": {"task": "evaluation.illustrate", "schedule": 20.0, "options": {"expires": 20.0}},
    "reconcile": {
        "task": "evaluation.reconcile",
        "schedule": RECONCILE_SECONDS,
        "options": {"expires": RECONCILE_SECONDS},
    },
    "deliver": {
        "task": "evaluation.deliver",
        "schedule": DELIVER_SECONDS,
        "options": {"expires": DELIVER_SECONDS},
    },
    "notify": {"task": "evaluation.notify", "schedule": NOTIFY_SECONDS, "options": {"expires": NOTIFY_SECONDS}},
}

# --- Files ----------------------------------------------------------------------------------------------------------

MEDIA_ROOT = VAR_DIR / "files"
# Uploaded files are handed out by views that check who asks; nothing is served from MEDIA_URL.
MEDIA_URL = "files/"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = not PRODUCTION
FILE_UPLOAD_TEMP_DIR = str(VAR_DIR / "uploads")
Path(FILE_UPLOAD_TEMP_DIR).mkdir(exist_ok=True)
# Always to disk: the static check reads a file, whatever its size.
FILE_UPLOAD_HANDLERS = ["leaderboard.services.submitting.arrivals.ArrivalHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Production names files by their content and needs collectstatic; elsewhere they are served from where they lie.
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
if env.str("STORAGE", "local", validate=validate.OneOf(["local", "s3"])) == "s3":
    STORAGES["default"] = {
        "BACKEND": "portal.object_storage.ObjectStorage",
        "OPTIONS": {
            "bucket_name": env.str("S3_BUCKET"),
            "endpoint_url": env.str("S3_ENDPOINT_URL", None, validate=allowed.address_of("https", "http")),
        },
    }
# Where workers keep pixel stores, work folders and weights fetched from storage.
WORK_DIR = Path(env.str("VERIBOARD_WORK_DIR", str(VAR_DIR / "work"))).expanduser()
if WORK_DIR.exists() and not WORK_DIR.is_dir():
    refuse("VERIBOARD_WORK_DIR", f"names {WORK_DIR}, which is no folder")


def keep_in_redis(url: str) -> dict[str, Any]:
    """Return a shared cache that is an empty one while Redis is away: pages are made anew, API requests are not
    counted, and nobody signs in, as tried passwords could not be counted.
    """
    # Waiting longer, or trying again, would let every page wait for what it can do without.
    patience = {"socket_connect_timeout": 1, "socket_timeout": 2, "retry": None}
    options = {"IGNORE_EXCEPTIONS": True, "CONNECTION_POOL_KWARGS": patience}
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url, "OPTIONS": options}


redis_url = env.str("CACHE_URL", "", validate=[allowed.address_of("redis", "rediss", "unix"), allowed.CERTIFICATES])
CACHES = {
    "default": keep_in_redis(redis_url)
    if redis_url
    else {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": VAR_DIR / "cache"}
}

# --- Languages ------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
FORMAT_MODULE_PATH = ["portal.formats"]
TIME_ZONE = "UTC"
MODELTRANSLATION_LANGUAGES = ("en", "zh-hans")
MODELTRANSLATION_DEFAULT_LANGUAGE = "en"
MODELTRANSLATION_FALLBACK_LANGUAGES = ("en", "zh-hans")

# --- Accounts -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "submissions"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = env.str(
    "ACCOUNT_EMAIL_VERIFICATION",
    "mandatory" if PRODUCTION else "none",
    validate=validate.OneOf(["mandatory", "optional", "none"]),
)
ACCOUNT_RATE_LIMITS = {"login_failed": "10/5m/ip,10/5m/key"}
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
MFA_ADAPTER = "portal.accounts.adapter.MFAAdapter"
# Tells the owner by mail when the password or an address of the account was changed.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Veriboard] "
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Veriboard"
# Where addresses are not confirmed at all, nobody could have a second factor otherwise.
MFA_ALLOW_UNVERIFIED_EMAIL = ACCOUNT_EMAIL_VERIFICATION != "mandatory"
# GitHub sign-in is there where its OAuth application is named, and nowhere else.
SOCIALACCOUNT_PROVIDERS = (
    {"github": {"APPS": [{"client_id": github_id, "secret": env.str("GITHUB_CLIENT_SECRET")}], "SCOPE": ["user:email"]}}
    if (github_id := env.str("GITHUB_CLIENT_ID", ""))
    else {}
)
INSTALLED_APPS += ["allauth.socialaccount.providers.github"] if SOCIALACCOUNT_PROVIDERS else []
# In production exactly one proxy stands before the portal; nobody else's X-Forwarded-For decides whose limit counts.
PROXIES = 1 if PRODUCTION else 0
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES
EMAIL_BACKEND = env.str(
    "EMAIL_BACKEND",
    f"django.core.mail.backends.{'smtp' if PRODUCTION else 'console'}.EmailBackend",
    validate=allowed.check_class,
)
EMAIL_HOST = env.str("EMAIL_HOST", "localhost", validate=allowed.MAIL_HOST)
email_security = env.str("EMAIL_SECURITY", "none", validate=validate.OneOf(allowed.MAIL_PORTS))
EMAIL_PORT = env.int("EMAIL_PORT", allowed.MAIL_PORTS[email_security], validate=validate.Range(min=1, max=65535))
EMAIL_USE_TLS, EMAIL_USE_SSL = email_security == "starttls", email_security == "tls"
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_USER", ""), env.str("EMAIL_HOST_PASSWORD", "")
if EMAIL_HOST_PASSWORD and email_security == "none" and EMAIL_HOST not in ("localhost", "127.0.0.1", "::1"):
    refuse("EMAIL_SECURITY", "has to be starttls or tls, as EMAIL_HOST_PASSWORD would cross the network in clear")
# A mail server that does not answer holds up whoever waits for it no longer than this.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "veriboard@localhost", validate=allowed.MAIL_ADDRESS)

# --- API ------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "leaderboard.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["leaderboard.api.authentication.SignedInToWrite"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "leaderboard.api.problems.handle",
    "DEFAULT_THROTTLE_CLASSES": [
        "leaderboard.api.limits.AnonymousThrottle",
        "leaderboard.api.limits.SignedInThrottle",
    ],
    "NUM_PROXIES": PROXIES,
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("API_RATE_ANON", "600/min", validate=allowed.RATE),
        "user": env.str("API_RATE_USER", "1200/min", validate=allowed.RATE),
    },
}
REST_KNOX = {"TOKEN_TTL": None, "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Veriboard",
    "DESCRIPTION": "A leaderboard portal for computer vision in which every number can be re-run.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "SubmissionState": "leaderboard.states.SUBMISSION_STATES",
        "RunState": "leaderboard.states.RUN_STATES",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "leaderboard.api.schema.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Security -------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        # The sign-in form is redirected to GitHub, which browsers hold against this directive too.
        "form-action": [SELF, "https://github.com"] if SOCIALACCOUNT_PROVIDERS else [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    # Who asks these asks the server itself, before which no proxy ends TLS.
    SECURE_REDIRECT_EXEMPT = ["^(healthz|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True

# --- Logs -----------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
        "json": {"()": "portal.logs.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env.str(
                "LOG_FORMAT", "json" if PRODUCTION else "plain", validate=validate.OneOf(["json", "plain"])
            ),
        }
    },
    # Django leaves it to the server to drop the body of an answer to HEAD, which is no reason to warn of each.
    "loggers": {"gunicorn.http.wsgi": {"level": logging.ERROR}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", logging.INFO)},
}
