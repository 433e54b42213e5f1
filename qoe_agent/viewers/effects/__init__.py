"""Effects of one arm over another, from sums by arm. Pure."""

from qoe_agent.viewers.effects.allocation import sample_ratio, showed_up
from qoe_agent.viewers.effects.balancing import block_balance, covariate_balance, strata_balance
from qoe_agent.viewers.effects.many import Interaction, adjusted, interaction
from qoe_agent.viewers.effects.margins import tolerable, within
from qoe_agent.viewers.effects.means import compare
from qoe_agent.viewers.effects.moving import novelty, over_time
from qoe_agent.viewers.effects.power import detectable, needed, supposed, variation
from qoe_agent.viewers.effects.ranks import rank
from qoe_agent.viewers.effects.sequential import decides
from qoe_agent.viewers.effects.sharing import interference
from qoe_agent.viewers.effects.skewed import lacking, skewness
from qoe_agent.viewers.effects.switching import carry_over, switchback

__all__ = (
    "Interaction", "adjusted", "block_balance", "carry_over", "compare", "covariate_balance", "decides", "detectable",
    "interaction", "interference", "lacking", "needed", "novelty", "over_time", "rank", "sample_ratio", "showed_up",
    "skewness", "strata_balance", "supposed", "switchback", "tolerable", "variation", "within",
)  # fmt: skip
