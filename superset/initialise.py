"""Make Superset's metadata database ready: migrations, roles and users. Run by Superset's own Python.

Reads the environment of `superset_config.py`, and `SUPERSET_ADMIN_PASSWORD` and `SUPERSET_ANALYST_PASSWORD`: the
passwords of the users `admin` and `analyst` (never on the command line, where every user of the machine could read
them). Running it again changes nothing, or brings rights and passwords up to date.
"""

import logging
import os
import sys

from flask_migrate import upgrade
from superset.app import create_app
from werkzeug.security import check_password_hash

ADMIN = "admin"
ANALYST = "analyst"
ANALYST_ROLE = "Analyst"
SEES = {
    ("all_datasource_access", "all_datasource_access"),
    ("menu_access", "Home"),
    ("menu_access", "Dashboards"),
    ("can_welcome", "Superset"),
    ("can_log", "Superset"),
    ("can_recent_activity", "Log"),
    ("can_read", "Dataset"),
    ("can_get_drill_info", "Dataset"),
    ("can_drill", "Dashboard"),
    ("can_view_chart_as_table", "Dashboard"),
    ("can_write", "ExploreFormDataRestApi"),  # where a chart keeps what it was drilled by, for a while
    ("can_samples", "Datasource"),
    ("can_userinfo", "UserDBModelView"),
    ("can_read", "SecurityRestApi"),  # the token that a script has to send with each request
}
"""What an analyst may beyond what Superset would let the public: the rows beneath a chart. All of it reads."""


def main() -> None:
    """Bring the database up to date and make sure that the administrator and the analyst can log in."""
    passwords = {ADMIN: os.environ.pop("SUPERSET_ADMIN_PASSWORD"), ANALYST: os.environ.pop("SUPERSET_ANALYST_PASSWORD")}
    app = create_app()
    with app.app_context():
        upgrade()
        from superset import appbuilder, db, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        allowed = SEES | security_manager.PUBLIC_ROLE_PERMISSIONS
        security_manager.set_role(
            ANALYST_ROLE,
            lambda granted: (granted.permission.name, granted.view_menu.name) in allowed,
            security_manager._get_all_pvms(),
        )
        for username, role in ((ADMIN, security_manager.auth_role_admin), (ANALYST, ANALYST_ROLE)):
            _ensure_user(security_manager, username, role, passwords[username])
        db.session.commit()


def _ensure_user(security_manager, username: str, role: str, password: str) -> None:  # type: ignore[no-untyped-def]
    user = security_manager.find_user(username=username)
    if user is None:
        user = security_manager.add_user(
            username,
            "Tickhouse",
            username.capitalize(),
            f"{username}@tickhouse.example",
            security_manager.find_role(role),
            password,
        )
        if not user:
            raise RuntimeError(f"Superset could not add its user {username}; its log says why")
    elif not check_password_hash(user.password, password):
        security_manager.reset_password(user.id, password)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    main()
    sys.stdout.write("Superset is initialised\n")
