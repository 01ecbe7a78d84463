"""Base class of the algorithms: its description, values of parameters, and errors of one sentence."""

from __future__ import annotations

import math
from typing import Any, Dict, Mapping, Optional

from qgis.core import (
    QgsCsException,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingParameterDefinition,
    QgsProperty,
)
from qgis.PyQt.QtGui import QIcon

from planet_scenes import core
from planet_scenes.help import help_url
from planet_scenes.icons import icon
from planet_scenes.processing.layer_features import plain
from planet_scenes.tasks import Cancelled
from planet_scenes.texts import tr
from planet_vector.errors import PlanetVectorError

_LONGEST = 600  # characters of a message


class Algorithm(QgsProcessingAlgorithm):
    """Base class of the algorithms; subclasses define name, parameters and work.

    Attributes
    ----------
    NAME, ICON : str
        Id of the algorithm, and name of its icon.
    """

    NAME = ""
    ICON = "planet"

    def createInstance(self) -> Algorithm:
        """Return a new instance."""
        return type(self)()

    def name(self) -> str:
        """Return the id of the algorithm."""
        return self.NAME

    def icon(self) -> QIcon:
        """Return the icon of the algorithm."""
        return icon(self.ICON)

    def helpUrl(self) -> str:
        """Return the address of the help."""
        return help_url("Processing")

    def processAlgorithm(self, parameters: Any, context: Any, feedback: Any) -> Dict[str, Any]:
        """Run `perform`, and turn its errors into one sentence.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives progress and messages, and can cancel.

        Returns
        -------
        dict
            The outputs by name.

        Raises
        ------
        QgsProcessingException
            If the work fails or is cancelled.
        """
        try:
            return self.perform(parameters, context, feedback)
        except Cancelled:
            sentence = tr("Cancelled.")
        except QgsProcessingException as error:
            sentence = str(error)
        except (PlanetVectorError, OSError, ValueError) as error:
            sentence = core.errors_told(error)
        except QgsCsException:
            sentence = tr("A geometry lies outside the coordinate system: check that of its layer.")
        # Raised outside the handler, it has no context: QGIS never frees exceptions, nor datasets in their frames.
        raise QgsProcessingException(brief(sentence))

    def perform(self, parameters: Any, context: Any, feedback: QgsProcessingFeedback) -> Dict[str, Any]:
        """Do the work of the algorithm.

        Parameters
        ----------
        parameters : dict
            The parameters.
        context : QgsProcessingContext
            The context.
        feedback : QgsProcessingFeedback
            Receives progress and messages, and can cancel.

        Returns
        -------
        dict
            The outputs by name.

        Raises
        ------
        QgsProcessingException, PlanetVectorError
            If the work fails.
        """
        raise NotImplementedError

    def number(self, parameters: Any, name: str, context: Any) -> Optional[float]:
        """Return the number that a parameter has, or None: QGIS takes 0 for a text that is no number.

        Parameters
        ----------
        parameters : dict
            The parameters.
        name : str
            Name of the parameter.
        context : QgsProcessingContext
            The context.

        Raises
        ------
        QgsProcessingException
            If it is no finite number, or out of its range.
        """
        if not given(parameters, name):
            return None
        stored = plain(parameters[name])
        try:
            bound = isinstance(stored, QgsProperty)  # in a batch or a model
            value = self.parameterAsDouble(parameters, name, context) if bound else float(stored)
        except (TypeError, ValueError, OverflowError):
            value = math.nan
        definition = self.parameterDefinition(name)
        if not math.isfinite(value):
            told = tr("{title} is {value}: give a number.")
            raise QgsProcessingException(told.format(title=definition.description(), value=stored))
        least, most = definition.minimum(), definition.maximum()
        if not least <= value <= most:
            told = tr("{title} is {value}: give a number from {least:g} to {most:g}.")
            raise QgsProcessingException(
                told.format(title=definition.description(), value=stored, least=least, most=most)
            )
        return value

    def choice(self, parameters: Any, name: str, context: Any, count: int) -> int:
        """Return the number of the chosen option of a parameter, from 0.

        Parameters
        ----------
        parameters : dict
            The parameters.
        name : str
            Name of the parameter.
        context : QgsProcessingContext
            The context.
        count : int
            The number of options.

        Raises
        ------
        QgsProcessingException
            If there is no such option.
        """
        chosen = int(self.parameterAsEnum(parameters, name, context))
        if not 0 <= chosen < count:
            title = self.parameterDefinition(name).description()
            raise QgsProcessingException(tr("{title} has no such option.").format(title=title))
        return chosen

    def add_advanced(self, parameter: QgsProcessingParameterDefinition) -> None:
        """Add a parameter to the advanced section of the dialog.

        Parameters
        ----------
        parameter : QgsProcessingParameterDefinition
            The parameter.
        """
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def help_text(self, parameter: str, text: str) -> None:
        """Set the help text of a parameter.

        Parameters
        ----------
        parameter : str
            Name of the parameter.
        text : str
            The help text.
        """
        self.parameterDefinition(parameter).setHelp(text)


def brief(text: str) -> str:
    """Return a text in one line, without its middle if it is very long: it may repeat a value of a parameter.

    Parameters
    ----------
    text : str
        The text.
    """
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"


def given(parameters: Mapping[str, Any], name: str) -> bool:
    """Return True if a parameter has a value; one left empty in a form, a model or a batch table has none.

    Parameters
    ----------
    parameters : mapping
        The parameters.
    name : str
        Name of the parameter.
    """
    value = plain(parameters.get(name))
    return value is not None and not (isinstance(value, str) and not value.strip())


def check(feedback: QgsProcessingFeedback) -> None:
    """Stop if the user has cancelled.

    Parameters
    ----------
    feedback : QgsProcessingFeedback
        The feedback of the algorithm.

    Raises
    ------
    Cancelled
        If the user has cancelled.
    """
    if feedback.isCanceled():
        raise Cancelled
