"""An app that uses what the host serves, and writes down what it saw."""

import json
import logging
import os
import threading
import typing
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
ANYONE = func.AuthLevel.ANONYMOUS
LOG = logging.getLogger("sample")
FOLDER = Path(os.environ["RECORD_FOLDER"])
STORAGE = "AzureWebJobsStorage"
NEVER = "0 0 0 1 1 *"


def record(**seen: object) -> None:
    with (FOLDER / "records").open("a") as file:
        file.write(json.dumps(seen) + "\n")


def wait_for_release() -> None:
    while not (FOLDER / "release").exists():
        threading.Event().wait(0.02)


@app.route(route="echo/{number:int}", auth_level=ANYONE)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "headers": dict(req.headers),
        "route": dict(req.route_params),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


@app.route(route="things/{name}", auth_level=ANYONE)
def any_thing(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"thing {req.route_params['name']}")


@app.route(route="things/all", auth_level=ANYONE)
def all_things(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("all things")


@app.route(route="files/{*rest}", auth_level=ANYONE, methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params.get("rest", ""))


@app.route()
def locked(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(auth_level=func.AuthLevel.ADMIN)
def sealed(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(auth_level=ANYONE)
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse("<p>é</p>", status_code=303, mimetype="text/html", charset="utf-8")
    answer.headers.add("Set-Cookie", "first=a+b=; Path=/; HttpOnly; SameSite=Lax; Max-Age=600")
    answer.headers.add("Set-Cookie", "second=2; Path=/api; Secure; SameSite=Strict")
    answer.headers["Location"] = "https://elsewhere.example/?x=1"
    return answer


@app.route(auth_level=ANYONE)
def invalid(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse("x")
    answer.headers.add("Set-Cookie", "first=1; Max-Age=soon")
    return answer


@app.route(auth_level=ANYONE)
def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("broken on purpose")


@app.route(auth_level=ANYONE)
def talkative(req: func.HttpRequest) -> func.HttpResponse:
    print("printed by the app")
    logging.getLogger("azure.core").info("storage request of the app")
    LOG.info("logged\nby the app")
    LOG.debug("debug of the app")
    return func.HttpResponse("ok")


@app.route(auth_level=ANYONE)
def quiet(req: func.HttpRequest) -> func.HttpResponse:
    LOG.warning("warning of the quiet one")
    LOG.error("error of the quiet one")
    return func.HttpResponse("ok")


@app.route(route="meet/{own}/{other}", auth_level=ANYONE)
def meet(req: func.HttpRequest) -> func.HttpResponse:
    """Answers once the request that names the two the other way round runs too."""
    (FOLDER / req.route_params["own"]).touch()
    while not (FOLDER / req.route_params["other"]).exists():
        threading.Event().wait(0.02)
    return func.HttpResponse("met")


@app.route(auth_level=ANYONE)
async def waiting(req: func.HttpRequest) -> func.HttpResponse:
    import asyncio

    record(waiting=True)
    while not (FOLDER / "release").exists():
        await asyncio.sleep(0.02)
    return func.HttpResponse("released")


@app.timer_trigger(schedule=NEVER, arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    record(tick=os.getpid(), past_due=timer.past_due)


@app.timer_trigger(schedule="* * * * * *", arg_name="timer")
def each_second(timer: func.TimerRequest) -> None:
    record(each_second=True)


@app.timer_trigger(schedule="%UNSET_SCHEDULE%", arg_name="timer")
def unset(timer: func.TimerRequest) -> None:
    record(unset=True)


@app.timer_trigger(schedule=NEVER, arg_name="timer")
def slow_tick(timer: func.TimerRequest) -> None:
    record(slow_tick="start")
    wait_for_release()
    record(slow_tick="end")


@app.timer_trigger(schedule=NEVER, arg_name="timer")
@app.queue_output(arg_name="$return", queue_name="%WORK_QUEUE%", connection=STORAGE)
def enqueue(timer: func.TimerRequest) -> str:
    return json.dumps({"id": "from the timer"})


@app.route(route="put", auth_level=ANYONE, methods=["POST"])
@app.queue_output(arg_name="many", queue_name="%WORK_QUEUE%", connection=STORAGE)
@app.queue_output(arg_name="one", queue_name="%WORK_QUEUE%", connection=STORAGE)
@app.queue_output(arg_name="plain", queue_name="%WORK_QUEUE%", connection=STORAGE)
@app.queue_output(arg_name="aside", queue_name="%WORK_QUEUE%-aside", connection=STORAGE)
def put(
    req: func.HttpRequest,
    many: func.Out[typing.List[str]],  # noqa: UP006 - the indexer refuses list[str]
    one: func.Out[func.QueueMessage],
    plain: func.Out[str],
    aside: func.Out[str],
) -> func.HttpResponse:
    asked = req.get_json()
    if asked.get("many"):
        many.set([json.dumps(work) for work in asked["many"]])
    if asked.get("one"):
        one.set(func.QueueMessage(body=json.dumps(asked["one"])))
    if asked.get("plain"):
        plain.set(json.dumps(asked["plain"]))
    if asked.get("aside"):
        aside.set(json.dumps(asked["aside"]))
    if asked.get("fail"):
        raise RuntimeError("failed after it put something out")
    return func.HttpResponse(status_code=202)


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection=STORAGE)
def work(message: func.QueueMessage, context: func.Context) -> None:
    asked = message.get_json()
    record(
        start=asked["id"],
        pid=os.getpid(),
        dequeue_count=message.dequeue_count,
        message_id=message.id,
        has_times=None not in (message.insertion_time, message.expiration_time),
        function=context.function_name,
    )
    if asked.get("do") == "fail":
        raise RuntimeError("failed on purpose")
    if asked.get("do") == "wait":
        wait_for_release()
    record(end=asked["id"], pid=os.getpid())


@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%-poison", connection=STORAGE)
def poison(message: func.QueueMessage) -> None:
    record(poison=message.get_json()["id"])
