"""The marts: dbt models as assets, dbt tests as asset checks."""

from dagster import Definitions

from orchestration.defs.dbt.assets import dbt_cli, dbt_models
from orchestration.defs.dbt.days import market_days

definitions = Definitions(assets=[dbt_models], jobs=[market_days], resources={"dbt": dbt_cli()})
