"""The phones in the program: an account for each, what a change of one does to the others, switching off."""

from components.phone_accounts import ONLY_THE_LAST

from .engine import Run, Secret, changed, good, of_type, phones

THREE = phones({"name": "phone"}, {"name": "anna", "generation": 2}, {"name": "ben-2", "generation": 13})


def test_every_phone_has_an_account_of_its_own_named_after_it_and_its_generation() -> None:
    done = good(THREE)
    names = {each.name: each.inputs["username"] for each in of_type(done, "ServiceAccount")}
    assert names == {
        "immich-phone.g1": "immich-mobile-service",
        "immich-anna.g2": "immich-mobile-service-anna-g2",
        "immich-ben-2.g13": "immich-mobile-service-ben-2-g13",
    }
    accounts = dict(zip(("anna", "ben-2", "phone"), (names[each] for each in sorted(names)), strict=True))
    assert done.exports["serviceAccounts"] == accounts
    assert done.exports["headers"].value.keys() == accounts.keys()
    assert len(set(done.exports["headers"].value.values())) == 3
    assert done.named("immich-anna.g2").inputs["attributes"]["generation"] == 2


def test_losing_a_phone_changes_nothing_of_the_others_but_what_looks_at_them() -> None:
    all_three, two = good(THREE), good(phones({"name": "phone"}, {"name": "ben-2", "generation": 13}))
    assert all_three.resources.keys() - two.resources.keys() == {"immich-anna.g2"}
    assert changed(all_three, two) == [
        "immich-isolation",
        "immich-members",
        "immich-proof",
    ]  # which look at each account


def test_a_new_password_for_a_phone_is_a_new_account_in_the_place_of_the_former_one(reference: Run) -> None:
    done = good(phones({"name": "phone", "generation": 2}))
    assert done.resources.keys() ^ reference.resources.keys() == {"immich-phone.g1", "immich-phone.g2"}
    assert changed(reference, done) == ["immich-isolation", "immich-proof"]
    assert done.named("immich-phone.g2").inputs["username"] == "immich-mobile-service-g2"


def test_an_overlap_keeps_the_former_account_beside_the_new_one_and_its_header_to_itself(reference: Run) -> None:
    done = good(phones({"name": "phone", "generation": 2, "overlap": True, "expires": "2031-01-01T00:00:00Z"}))
    assert done.resources.keys() - reference.resources.keys() == {"immich-phone.g2"}
    former = done.named("immich-phone.g1")
    born = {"name", "attributes", "expiring", "expires"}
    assert set(former.ignore_changes) == born
    was = {name: each for name, each in reference.named("immich-phone.g1").inputs.items() if name not in born}
    assert {name: each for name, each in former.inputs.items() if name not in born} == was | {"former": ONLY_THE_LAST}
    assert done.exports["serviceAccounts"] == {"phone": "immich-mobile-service-g2"}
    assert done.exports["formerServiceAccounts"] == {"phone": "immich-mobile-service"}
    assert done.exports["headers"].value.keys() == done.exports["fingerprints"].keys() == {"phone"}
    assert done.named("immich-proof").inputs["headers"].value.keys() == {"phone", "phone (former)"}


def test_an_overlap_of_the_first_generation_keeps_nothing(reference: Run) -> None:
    done = good(phones({"name": "phone", "overlap": True}))
    assert {name: each.inputs for name, each in done.resources.items()} == {
        name: each.inputs for name, each in reference.resources.items()
    }


def test_a_phone_says_in_authentik_which_it_is_and_of_which_generation() -> None:
    done = good(phones({"name": "anna", "generation": 3, "note": "blue Pixel"}))
    declared = done.named("immich-anna.g3").inputs
    assert declared["name"] == "Immich phone: anna, generation 3"
    attributes = {"pulumi": "immich/prod/immich-anna.g3", "phone": "anna", "generation": 3, "note": "blue Pixel"}
    assert declared["attributes"] == attributes


def test_a_password_expires_only_where_it_is_asked_to() -> None:
    done = good(phones({"name": "phone"}, {"name": "anna", "expires": "2031-01-01T00:00:00Z"}))
    assert done.named("immich-phone.g1").inputs.keys() & {"expiring", "expires"} == set()
    anna = done.named("immich-anna.g1").inputs
    assert (anna["expiring"], anna["expires"]) == (True, "2031-01-01T00:00:00Z")


def test_no_phones_leave_the_way_for_people_open_and_no_header() -> None:
    done = good(phones())
    assert of_type(done, "ServiceAccount") == []
    assert done.exports["headers"] == Secret({})
    assert done.exports["serviceAccounts"] == {}


def test_switching_off_deactivates_every_account_and_changes_nothing_else() -> None:
    on, off = good(THREE), good(THREE | {"immich:enabled": "false"})
    accounts = of_type(off, "ServiceAccount")
    assert [each.inputs["is_active"] for each in accounts] == [False] * 3
    assert changed(on, off) == sorted([*(each.name for each in accounts), "immich-proof"])
