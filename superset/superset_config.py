"""Apache Superset's settings. Secrets come from the environment alone: without them Superset does not start.

- `SUPERSET_SECRET_KEY`: signs sessions and encrypts stored credentials.
- `SUPERSET_DATABASE_URI`: the metadata database, `postgresql://user:password@host:port/superset`.
- `SUPERSET_HTTPS`: `1` behind a proxy that ends TLS, so that cookies are sent over HTTPS only.
"""

import hashlib
import hmac
import os

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = os.environ["SUPERSET_DATABASE_URI"]
SQLALCHEMY_EXAMPLES_URI = SQLALCHEMY_DATABASE_URI
# The metadata server may restart under us: test a pooled connection before it is used.
SQLALCHEMY_ENGINE_OPTIONS = {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 5}


def _derived(purpose: str) -> str:
    """A further key for `purpose`: Superset's defaults for these are published strings."""
    return hmac.new(SECRET_KEY.encode(), purpose.encode(), hashlib.sha256).hexdigest()


GUEST_TOKEN_JWT_SECRET = _derived("guest-token")
GLOBAL_ASYNC_QUERIES_JWT_SECRET = _derived("async-queries")

# Who may come in: named users with a password. Nothing is public, nobody registers.
AUTH_USER_REGISTRATION = False
PUBLIC_ROLE_LIKE = None
WTF_CSRF_ENABLED = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("SUPERSET_HTTPS") == "1"
FAB_API_SWAGGER_UI = False
# One process serves, so its memory may count the attempts. A dashboard loads some hundred files at once, hence no
# limit beyond that of logging in.
RATELIMIT_ENABLED = True
RATELIMIT_STORAGE_URI = "memory://"
RATELIMIT_APPLICATION = "2000 per second"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "5 per second"

# The browser is given this server's own files and nothing else: no fonts, maps or usage pixels from the internet.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
        "frame-ancestors": ["'self'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}
ENABLE_CORS = False

# Queries run in the request, without Celery or Redis. Results are kept for as long as a one-minute bar is fresh.
_memory = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 30, "CACHE_THRESHOLD": 500}
CACHE_CONFIG = {**_memory, "CACHE_KEY_PREFIX": "metadata_"}
DATA_CACHE_CONFIG = {**_memory, "CACHE_KEY_PREFIX": "data_"}
CELERY_CONFIG = None
RESULTS_BACKEND = None
SUPERSET_WEBSERVER_TIMEOUT = 120
SQLLAB_TIMEOUT = 60
ROW_LIMIT = 50_000
SQL_MAX_ROW = 100_000

FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    "DYNAMIC_PLUGINS": False,
    "ENABLE_JAVASCRIPT_CONTROLS": False,
    "ENABLE_TEMPLATE_PROCESSING": False,
    "GLOBAL_ASYNC_QUERIES": False,
    "THUMBNAILS": False,
    # Every chart is fetched at once, so that a printed or photographed dashboard is whole.
    "DASHBOARD_VIRTUALIZATION": False,
}

APP_NAME = "Tickhouse"
# A dashboard may refresh itself while the market is live.
SUPERSET_DASHBOARD_PERIODICAL_REFRESH_LIMIT = 5
