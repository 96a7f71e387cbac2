"""The shop of Longlast & Heirs: sturdy things that outlast their owners.

`gunicorn shop:app` serves it, `python -m shop.migrate` prepares its database. Importing this connects to
nothing: an instance starts, and answers /healthz, whether or not there is a database.
"""

from __future__ import annotations

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from . import api, drawing, faults, health, pages
from .database import Database
from .settings import Settings


def create_app(settings: Settings) -> Flask:
    """Put the shop together."""
    shop = Flask(__name__)
    shop.config.update(
        SECRET_KEY=settings.secret,
        SESSION_COOKIE_NAME="basket",
        SESSION_COOKIE_SAMESITE="Lax",  # other sites cannot post into this customer's basket
        MAX_CONTENT_LENGTH=64 * 1024,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        INSTANCE=settings.instance,
    )
    shop.json.sort_keys = False
    shop.jinja_env.trim_blocks = shop.jinja_env.lstrip_blocks = True
    shop.extensions["database"] = Database(settings.writer, settings.reader)
    shop.wsgi_app = ProxyFix(shop.wsgi_app, x_for=1, x_proto=1, x_host=1)  # one load balancer is in front of us
    for part in (health, api, pages):
        shop.register_blueprint(part.routes)
    drawing.register(shop)
    faults.register(shop)

    @shop.after_request
    def sign(response: Response) -> Response:
        response.headers["X-Served-By"] = settings.instance
        return response

    return shop


app = create_app(Settings.from_environment())
