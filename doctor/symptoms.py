"""What a phone shows where the way to Immich is well, and what it means: from the app's source and its issues. Pure."""

SYMPTOMS = (
    (
        '"Server is not reachable" on the login screen',
        "The header is missing or wrong (it goes in *before* the address), or the server is down: the app says "
        "the same for each. `python -m doctor --header` looks at a header.",
    ),
    (
        "the login page comes although nobody logged out",
        "Immich itself answered 401: its session ended. The site never answers 401. An update may also have lost the "
        "custom headers (#31697); a log-out clears local data (#27957, #28405).",
    ),
    (
        "the app closes on its own",
        "Android from about 2.6 crashes on the redirect to a login page (#30132, #28535, #30869). This site does not "
        "send the app one; look for another proxy in front.",
    ),
    (
        "widgets stay empty",
        "Most versions fetch a widget's pictures without the header (#26035, #30035). After a rotation, open the app "
        "once.",
    ),
    ("casting does nothing", "The Chromecast fetches the pictures, and it has no header (#29579)."),
    (
        "uploads stop after a rotation",
        "Queued uploads keep the former header. Open the app once; rotate with `overlap`.",
    ),
)
"""(what the phone shows, what it may mean); numbers are issues of immich-app/immich."""
