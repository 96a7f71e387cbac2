"""The example shop against a real MariaDB: what it promises its customers, also on bad days."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
import shop_lab
from cutting_proxy import CuttingProxy

PRODUCTS = 576
STOCK = 100_000


@pytest.fixture(scope="module")
def database() -> Iterator[shop_lab.Mariadb]:
    with shop_lab.mariadb() as server:
        done = shop_lab.migrate(shop_lab.environment(DATABASE_URL=server.url))
        assert done.returncode == 0, done.stderr
        yield server


@pytest.fixture(scope="module")
def shop(database: shop_lab.Mariadb) -> Iterator[httpx.Client]:
    with shop_lab.shop(shop_lab.environment(DATABASE_URL=database.url)) as client:
        yield client


def stats(shop: httpx.Client) -> dict[str, Any]:
    answer = shop.get("/api/stats")
    assert answer.status_code == 200, answer.text
    return answer.json()


def order(shop: httpx.Client, token: str, *items: tuple[int, int]) -> httpx.Response:
    body = {"token": token, "items": [{"product": product, "quantity": quantity} for product, quantity in items]}
    return shop.post("/api/orders", json=body)


def insist(shop: httpx.Client, token: str, *items: tuple[int, int]) -> dict[str, Any]:
    """What a careful customer does: ask again with the same token until there is an answer."""
    taken: list[dict[str, Any]] = []

    def accepted() -> bool:
        answer = order(shop, token, *items)
        assert answer.status_code in (200, 201, 503), answer.text
        if answer.status_code != 503:
            taken.append(answer.json())
        return bool(taken)

    shop_lab.until(f"order {token} is taken", 30, accepted)
    return taken[0]


def test_an_order_is_taken_once_and_found_again(shop: httpx.Client) -> None:
    before, token = stats(shop), uuid4().hex
    first = order(shop, token, (7, 2), (3, 1), (7, 1))
    assert first.status_code == 201, first.text
    assert [(item["product"], item["quantity"]) for item in first.json()["items"]] == [(3, 1), (7, 3)]
    assert first.json()["total_cents"] == sum(item["quantity"] * item["price_cents"] for item in first.json()["items"])

    again = order(shop, token, (7, 2), (3, 1), (7, 1))
    assert (again.status_code, again.json()) == (200, first.json())
    found = shop.get(f"/api/orders/{token}")
    assert (found.status_code, found.json()) == (200, first.json())
    after = stats(shop)
    assert after["orders"] == before["orders"] + 1
    assert after["units_sold"] == before["units_sold"] + 4
    assert after["stock_left"] == before["stock_left"] - 4


def test_a_token_is_taken_literally(shop: httpx.Client) -> None:
    name = uuid4().hex
    assert order(shop, f"a{name}", (1, 1)).status_code == 201
    assert order(shop, f"A{name}", (1, 1)).status_code == 201
    answer = shop.get(f"/api/orders/b{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"not json", "send a JSON object"),
        (b"[]", "send a JSON object"),
        (b'{"token": "has space", "items": [{"product": 1, "quantity": 1}]}', "token: "),
        (b'{"token": 5, "items": [{"product": 1, "quantity": 1}]}', "token: "),
        (b'{"token": "t"}', "items: "),
        (b'{"token": "t", "items": []}', "items: "),
        (b'{"token": "t", "items": ["one"]}', "items[0].product"),
        (b'{"token": "t", "items": [{"product": 1, "quantity": 0}]}', "items[0].quantity"),
        (b'{"token": "t", "items": [{"product": 1, "quantity": true}]}', "items[0].quantity"),
        (b'{"token": "t", "items": [{"product": 1, "quantity": 1}, {"product": "2"}]}', "items[1].product"),
        (b'{"token": "t", "items": [{"product": 999999, "quantity": 1}]}', "no such product"),
    ],
)
def test_a_bad_order_is_refused_with_reasons(shop: httpx.Client, body: bytes, complaint: str) -> None:
    before = stats(shop)
    answer = shop.post("/api/orders", content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "bad-request"
    assert complaint in " ".join(answer.json()["error"]["problems"])
    assert stats(shop) == before | {"instance": stats(shop)["instance"]}


def test_what_is_not_in_stock_is_not_sold_and_neither_is_the_rest_of_the_order(shop: httpx.Client) -> None:
    scarce = PRODUCTS
    for _ in range(STOCK // 1000 - 1):
        assert order(shop, uuid4().hex, (scarce, 1000)).status_code == 201
    before = stats(shop)
    answer = order(shop, uuid4().hex, (1, 5), (scarce, 600), (scarce, 401))
    assert answer.status_code == 409, answer.text
    (missing,) = answer.json()["error"]["missing"]
    assert (missing["product"], missing["wanted"], missing["in_stock"]) == (scarce, 1001, 1000)
    assert stats(shop)["stock_left"] == before["stock_left"]

    # The last thousand, wanted by many at once: every piece is sold, and none twice.
    with ThreadPoolExecutor(12) as crowd:
        answers = [crowd.submit(order, shop, uuid4().hex, (scarce, 100)) for _ in range(12)]
    assert sorted(answer.result().status_code for answer in answers) == [201] * 10 + [409] * 2
    assert order(shop, uuid4().hex, (scarce, 1)).status_code == 409


def test_one_token_used_by_twenty_at_once_is_one_order(shop: httpx.Client) -> None:
    before, token, together = stats(shop), uuid4().hex, threading.Barrier(20)

    def press(_: int) -> httpx.Response:
        together.wait(10)
        return order(shop, token, (11, 3))

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(press, range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.text for answer in answers}) == 1
    after = stats(shop)
    assert (after["orders"], after["units_sold"]) == (before["orders"] + 1, before["units_sold"] + 3)


def test_orders_that_overlap_in_any_direction_neither_fail_nor_lose_stock(shop: httpx.Client) -> None:
    before = stats(shop)
    items = [(20, 1), (21, 1), (22, 1), (23, 1)]
    with ThreadPoolExecutor(16) as crowd:
        turns = [items[number % 4 :] + items[: number % 4] for number in range(96)]
        answers = [crowd.submit(order, shop, uuid4().hex, *turn) for turn in turns]
    assert [answer.result().status_code for answer in answers] == [201] * 96
    after = stats(shop)
    assert after["units_sold"] - before["units_sold"] == before["stock_left"] - after["stock_left"] == 96 * 4


def test_migrating_again_changes_nothing(shop: httpx.Client, database: shop_lab.Mariadb) -> None:
    order(shop, uuid4().hex, (2, 9))
    before = stats(shop)
    done = shop_lab.migrate(shop_lab.environment(DATABASE_URL=database.url))
    assert done.returncode == 0, done.stderr
    assert stats(shop) == before
    assert before["products"] == PRODUCTS
    assert before["units_sold"] + before["stock_left"] == PRODUCTS * STOCK


def test_products_can_be_listed(shop: httpx.Client) -> None:
    few = shop.get("/api/products", params={"limit": 3}).json()["products"]
    assert [product["id"] for product in few] == [1, 2, 3]
    assert {"id", "name", "price_cents", "stock", "category"} <= few[0].keys()
    everything = shop.get("/api/products", params={"limit": 1000}).json()["products"]
    assert len({product["name"] for product in everything}) == PRODUCTS
    for limit in ("0", "1001", "-1", "ten"):
        assert shop.get("/api/products", params={"limit": limit}).status_code == 400


@pytest.mark.parametrize("path", ["/", "/?page=999", "/?category=Garden&page=2", "/products/1", "/basket", "/?q=%25_"])
def test_pages_render_and_say_who_served_them(shop: httpx.Client, path: str) -> None:
    page = shop.get(path)
    assert page.status_code == 200
    assert f"<code>{page.headers['X-Served-By']}</code>" in page.text


def test_searching_finds_by_every_word_and_takes_no_word_for_markup(shop: httpx.Client) -> None:
    found = shop.get("/", params={"q": "copper kettle"})
    assert re.search(r"\d+ things for “copper kettle”", found.text)
    assert 'class="card"' in found.text
    nothing = shop.get("/", params={"q": "<script>' OR 1=1"})
    assert nothing.status_code == 200
    assert "<script>" not in nothing.text
    assert 'class="card"' not in nothing.text


def test_every_kind_of_thing_has_a_picture(shop: httpx.Client) -> None:
    pages = {product["kind"]: product["id"] for product in shop.get("/api/products?limit=1000").json()["products"]}
    assert len(pages) == 32
    assert all('<svg class="picture"' in shop.get(f"/products/{number}").text for number in pages.values())


def test_from_the_basket_over_the_counter_to_the_receipt(shop: httpx.Client) -> None:
    with httpx.Client(base_url=shop.base_url, follow_redirects=True, timeout=20) as customer:
        before = stats(shop)
        customer.post("/basket", data={"product": 30, "quantity": 2, "add": 1})
        customer.post("/basket", data={"product": 31, "quantity": 1, "add": 1})
        customer.post("/basket", data={"product": 30, "quantity": 1, "add": 1})
        basket = customer.post("/basket", data={"product": 31, "quantity": 0})
        assert 'value="3"' in basket.text
        assert "/products/31" not in basket.text

        counter = customer.get("/checkout")
        token = re.findall(r'name="token" value="(\w+)"', counter.text)[0]
        incomplete = customer.post("/checkout", data={"token": token, "recipient": "Ada"})
        assert (incomplete.status_code, "tell us where it shall go" in incomplete.text) == (400, True)

        form = {"token": token, "recipient": "Ada <b>", "address": "1 Anvil Lane"}
        receipt = customer.post("/checkout", data=form)
        assert receipt.status_code == 200
        assert receipt.url.path == f"/orders/{token}"
        assert "Thank you, Ada &lt;b&gt;." in receipt.text
        assert customer.post("/checkout", data=form).url.path == f"/orders/{token}"  # pressed twice
        after = stats(shop)
        assert (after["orders"], after["units_sold"]) == (before["orders"] + 1, before["units_sold"] + 3)


def test_a_basket_that_was_tampered_with_is_empty(shop: httpx.Client) -> None:
    forged = httpx.get(f"{shop.base_url}/basket", cookies={"basket": "eyJpdGVtcyI6eyIxIjo1fX0.aaaaaa.bbbbbb"})
    assert forged.status_code == 200
    assert "It is empty" in forged.text


def test_reading_goes_on_when_the_reading_address_is_dead(database: shop_lab.Mariadb) -> None:
    dead = re.sub(r":\d+/shop", f":{shop_lab.free_port()}/shop", database.url)
    with shop_lab.shop(shop_lab.environment(DATABASE_URL=database.url, DATABASE_READ_URL=dead)) as shop:
        assert shop.get("/").status_code == 200
        assert shop.get("/readyz").json()["status"] == "ok"


def test_a_commit_whose_answer_is_lost_is_found_and_not_repeated(database: shop_lab.Mariadb) -> None:
    proxy = CuttingProxy(database.port)
    through_proxy = database.url.replace(f":{database.port}/", f":{proxy.port}/")
    with shop_lab.shop(shop_lab.environment(DATABASE_URL=through_proxy, DATABASE_READ_URL=database.url)) as shop:
        before = stats(shop)
        for number in range(1, 6):
            proxy.cut_next_commit()
            token = uuid4().hex
            answer = order(shop, token, (70, 2))
            assert (answer.status_code, answer.json()["token"]) == (200, token)  # found, by the second attempt
            assert proxy.cuts == number
        after = stats(shop)
        assert (after["orders"], after["units_sold"]) == (before["orders"] + 5, before["units_sold"] + 10)
    proxy.close()


def test_while_the_database_hangs_the_instance_stays_healthy_and_orders_wait(
    shop: httpx.Client, database: shop_lab.Mariadb
) -> None:
    before, tokens = stats(shop), [uuid4().hex for _ in range(24)]
    with ThreadPoolExecutor(24) as crowd:
        database.signal(signal.SIGSTOP)
        try:
            taken = [crowd.submit(insist, shop, token, (40, 1)) for token in tokens]
            assert shop.get("/readyz").status_code == 503
            for _ in range(10):
                assert httpx.get(f"{shop.base_url}/healthz", timeout=1).status_code == 200
        finally:
            database.signal(signal.SIGCONT)
        assert {future.result(60)["token"] for future in taken} == set(tokens)
    after = stats(shop)
    assert (after["orders"], after["units_sold"]) == (before["orders"] + 24, before["units_sold"] + 24)


def test_no_acknowledged_order_is_lost_or_doubled_when_the_server_is_killed(
    shop: httpx.Client, database: shop_lab.Mariadb
) -> None:
    before, acknowledged, enough = stats(shop), list[dict[str, Any]](), threading.Event()

    def customer(number: int) -> None:
        while not enough.is_set():
            acknowledged.append(insist(shop, uuid4().hex, (50 + number, 1), (60, 2)))

    with ThreadPoolExecutor(8) as crowd:
        customers = [crowd.submit(customer, number) for number in range(8)]
        try:
            for _ in range(2):
                seen = len(acknowledged)
                shop_lab.until("customers are ordering", 20, lambda seen=seen: len(acknowledged) > seen + 100)
                database.signal(signal.SIGKILL)
                assert httpx.get(f"{shop.base_url}/healthz", timeout=1).status_code == 200
                database.start()
            seen = len(acknowledged)
            shop_lab.until("customers are ordering again", 20, lambda: len(acknowledged) > seen + 100)
        finally:
            enough.set()
        for each in customers:
            each.result(60)

    assert len({mine["token"] for mine in acknowledged}) == len(acknowledged)
    for mine in acknowledged:
        assert shop.get(f"/api/orders/{mine['token']}").json() == mine
    after = stats(shop)
    assert after["orders"] - before["orders"] == len(acknowledged)
    assert after["units_sold"] - before["units_sold"] == 3 * len(acknowledged)
    assert after["units_sold"] + after["stock_left"] == PRODUCTS * STOCK
