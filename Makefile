# Everything a newcomer needs: `sudo make run` and `sudo make test` do all their own set-up.

PACKAGES := mmdebstrap systemd-container iproute2 nftables openssh-client debian-archive-keyring ca-certificates python3 python3-venv
TEST_PACKAGES := mariadb-server etcd-server etcd-client
# What only the command line needs: typer, rich, aiohttp, and what those need. Controllers have none of it.
COMMAND_LINE := typer rich annotated-doc markdown-it-py mdurl pygments shellingham colorama aiohttp aiohappyeyeballs \
  aiosignal attrs frozenlist multidict propcache yarl
SITE := examples/shop/site.yaml
OUTLAST := .venv/bin/outlast
STAMP := .venv/.complete
PYTEST := .venv/bin/pytest -q --durations=15
# A lab shares its processors with whatever else the computer does, and its tests count lost requests and seconds. What
# failed is tried once more, on a new site and with its name printed; what fails twice has failed.
LAB_TESTS = { lab_tests() { $(PYTEST) -o cache_dir=.venv/tried-$(1) "$$@"; }; lab_tests $(2) || { \
	  echo "== once more, on a new site =="; lab_tests $(2) --last-failed --last-failed-no-failures none --maxfail 3; }; }
# Tests start `outlast` a thousand times: it is not to be compiled each time, whatever a container asks for.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup run down test test-fast check bench lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

setup: .venv/.packages $(STAMP) ## install what the box lacks, and the command itself

.venv/.packages: Makefile
	@mkdir -p .venv
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null | grep -c ' installed$$' || true); \
	if [ "$$missing" -ne $(words $(PACKAGES)) ]; then \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(PACKAGES); \
	fi
	@touch $@

$(STAMP): requirements.lock pyproject.toml | .venv/.packages
	@test -x .venv/bin/pip || /usr/bin/python3 -m venv .venv
	@# The lock names everything there is. Where an extra is asked for, pip's own resolver takes the newest it finds and fails.
	.venv/bin/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	.venv/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: setup ## bring the example shop up in the lab and print its addresses
	$(OUTLAST) up -f $(SITE) --yes

down: setup ## remove the example shop and everything of its lab but the cached image
	$(OUTLAST) down -f $(SITE) --yes

test: setup .venv/.test-packages check ## every test, the lab included (root, about an hour)
	@# What needs a processor and no lab, behind what needs a lab and mostly waits. Of the labs, those whose tests are
	@# judged by seconds or by lost requests come first, one after another; then all others, two at a time.
	@# They have a session of their own, and it comes last: between sessions a nice value alone says nothing (sched(7)).
	@setsid sh -c 'echo 19 > /proc/self/autogroup; exec nice -n 19 "$$@"' pure \
	  $(PYTEST) -o cache_dir=.venv/tried-pure -m "not lab" > .venv/pure.log 2>&1 & pure=$$!; \
	trap 'pkill -TERM --session $$pure; exit 130' INT TERM; \
	$(call LAB_TESTS,alone,-m "lab and not beside"); alone=$$?; \
	$(call LAB_TESTS,beside,-n 2 --dist loadfile -m "lab and beside"); beside=$$?; \
	wait $$pure; pure=$$?; cat .venv/pure.log; \
	[ $$pure -eq 0 ] || { echo "== once more, with the computer to itself =="; \
	  $(PYTEST) -o cache_dir=.venv/tried-pure -m "not lab" --last-failed --last-failed-no-failures none --maxfail 3; pure=$$?; }; \
	exit $$((alone || beside || pure))

.venv/.test-packages: Makefile
	@test "$$(dpkg-query -W -f '$${db:Status-Status}\n' $(TEST_PACKAGES) 2>/dev/null | grep -cx installed)" -eq $(words $(TEST_PACKAGES)) || \
	  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(TEST_PACKAGES); }
	@touch $@

test-fast: setup ## the tests that need neither root nor a lab
	.venv/bin/pytest -q -m "not lab"

check: setup ## style, types and the floors of the house
	.venv/bin/ruff check src tests examples bench
	.venv/bin/ruff format --check src tests examples bench
	.venv/bin/pyright
	.venv/bin/lint-imports

bench: setup ## speed and size, as comparisons
	.venv/bin/python -m bench.run

lock: ## resolve the dependencies anew, with hashes and without naming an index
	.venv/bin/pip install -q uv
	.venv/bin/uv pip compile -q --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --extra dev --no-header --no-annotate pyproject.toml -o requirements.lock
	@# What the controllers' own release needs: the same versions, without the command line's part.
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  -c requirements.lock $(addprefix --no-emit-package ,$(COMMAND_LINE)) --no-header --no-annotate \
	  pyproject.toml -o src/outlast/requirements.txt

clean: ## remove the virtual environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache
