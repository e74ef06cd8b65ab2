"""Options that several commands share."""

import click

settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Set a value of the recipe, such as latent.tokens=64."
)

profile_option = click.option(
    "--profile", metavar="NAME", help="Lay this profile over the recipe; 'none' for none [cpu where there is no GPU]."
)
