"""The marts: dbt models as assets, dbt tests as asset checks."""

from dagster import Definitions

from orchestration.defs.dbt.assets import dbt_cli, dbt_models

definitions = Definitions(assets=[dbt_models], resources={"dbt": dbt_cli()})
