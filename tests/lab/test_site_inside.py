"""The site inside one of the operator's own."""

from dataclasses import replace

from providers.caddy.site import render_file
from tests.unit.server import reset

from .site_world import GOOD, WILDCARD, WRONG, World


def test_the_directives_alone_work_inside_a_site_of_the_operators_own(world: World) -> None:
    inside = render_file(replace(world.site, inside=True), "immich/test")
    (world.folder / "immich.caddy").write_text(inside)
    world.load(f"localhost:{world.port} {{\n\theader X-Mine yes\n\timport {world.folder}/immich.caddy\n}}\n")
    world.forget()
    answers = [world.ask("/", who) for who in (GOOD, WRONG, {})]
    assert [answer.status for answer in answers] == [200, 403, 302]
    assert {answer.headers["x-mine"] for answer in answers} == {"yes"}


def test_in_a_handle_the_site_is_for_its_host_and_leaves_the_others_alone(world: World) -> None:
    ours = render_file(replace(world.site, in_handle=True), "immich/test")
    site = WILDCARD.format(port=world.port, host="localhost", site=ours)
    theirs = "\theader X-Mine yes\n\thandle_errors {\n\t\trespond theirs\n\t}\n\thandle {"
    world.load(site.replace("\thandle {\n\t\tabort", f"{theirs}\n\t\terror 404"))
    world.forget()
    answers = [world.ask("/", who) for who in (GOOD, WRONG, {})]
    assert [answer.status for answer in answers] == [200, 403, 302]
    assert {answer.headers["x-mine"] for answer in answers} == {"yes"}
    other = world.ask("/", {"Host": f"notes.localhost:{world.port}"})
    assert (other.body, other.headers.get("x-immich-access")) == ("notes", None)
    world.immich.script.answers[:] = [reset]
    down = world.ask("/", GOOD)
    assert (down.status, down.body, down.headers["x-immich-access"]) == (502, "theirs", "failed")
