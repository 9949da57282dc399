"""Make Superset's metadata database ready: migrations, roles and the administrator. Run by Superset's own Python.

Reads the environment of `superset_config.py` and `SUPERSET_ADMIN_PASSWORD`, which becomes the password of user `admin`
(never on the command line, where every user of the machine could read it). Running it again changes nothing, or
brings the password up to date.
"""

import logging
import os
import sys

from flask_migrate import upgrade
from superset.app import create_app
from werkzeug.security import check_password_hash

USERNAME = "admin"


def main() -> None:
    """Bring the database up to date and make sure that the administrator can log in."""
    password = os.environ.pop("SUPERSET_ADMIN_PASSWORD")
    app = create_app()
    with app.app_context():
        upgrade()
        from superset import appbuilder, db, security_manager

        appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        user = security_manager.find_user(username=USERNAME)
        if user is None:
            role = security_manager.find_role(security_manager.auth_role_admin)
            user = security_manager.add_user(
                USERNAME, "Tickhouse", "Administrator", "admin@tickhouse.example", role, password
            )
            if not user:
                raise RuntimeError("Superset could not add its administrator; its log says why")
        elif not check_password_hash(user.password, password):
            security_manager.reset_password(user.id, password)
        db.session.commit()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    main()
    sys.stdout.write("Superset is initialised\n")
