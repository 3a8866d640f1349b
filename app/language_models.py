"""The language models of this process: which one reads documents, which ones write answers."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from app.domain.models import Band, ProbeResult
from app.installation import Installation, find_language_model, open_router
from app.services.model_in_use import ModelInUse
from app.settings import Settings
from backends.llm.base import LanguageModel, ModelRouter
from backends.lock_files import exclusive


@dataclass(frozen=True, slots=True)
class LanguageModels:
    """`writing`: for answers, first choice first. Where one model does all, it is the same object."""

    reading: ModelInUse
    writing: tuple[ModelInUse, ...]
    router: ModelRouter | None = None

    def look(self) -> list[ProbeResult]:
        """What is known of each now; where trying one is due it begins in the background."""
        return [one.look().result for one in {*self.writing, self.reading}]

    def try_again(self) -> ProbeResult:
        """Try every model anew, whatever is stored; the result is that of the one that reads."""
        result = self.reading.again()
        for one in self.writing:
            if one is not self.reading:
                one.expire()
                one.look()
        return result


def wants_model(settings: Settings) -> bool:
    """Whether a language model reads documents where there is one."""
    llm = settings.llm
    if settings.model_band == Band.RULES_ONLY:
        return False
    if llm.kind == "router":
        return any("extract" in endpoint.tasks for endpoint in llm.endpoints)
    return llm.kind != "none"


def open_language_models(
    installation: Installation, closing: ExitStack, *, on_read: Callable[[ProbeResult], None]
) -> LanguageModels:
    """`closing` frees them; `on_read` gets what the model that reads was found able to do. No server is asked before a
    model is needed."""
    band = Band(installation.settings.model_band) if installation.settings.model_band else None

    def in_use(
        find: Callable[[], LanguageModel | None], on_tried: Callable[[ProbeResult], None] = lambda _result: None
    ) -> ModelInUse:
        made = ModelInUse(
            find,
            cache=installation.cache,
            band=band,
            alone=lambda: exclusive(installation.settings.data_dir / "probe.lock"),
            on_tried=on_tried,
        )
        closing.callback(made.close)
        return made

    router = open_router(installation)
    if router is None:
        only = in_use(lambda: find_language_model(installation), on_read)
        return LanguageModels(reading=only, writing=(only,))
    closing.callback(router.close)
    readers = router.models_for("extract")
    return LanguageModels(
        reading=in_use(lambda: readers[0] if readers else None, on_read),
        writing=tuple(in_use(lambda model=model: model) for model in router.models_for("answer")),  # type: ignore[misc]
        router=router,
    )
