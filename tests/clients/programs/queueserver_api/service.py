"""Journeys about the client itself: status, names of users, errors, silence."""

from __future__ import annotations

import getpass

from bluesky_queueserver_api import BPlan
from steps import MODE, contains, count, equal, raised, refused


def tells_status_and_configuration():
    status = yield lambda rm: rm.status(reload=True)
    ping = yield lambda rm: rm.ping(reload=True)
    equal({**ping, "time": 0}, {**status, "time": 0})
    equal(status["msg"].split()[:2], ["RE", "Manager"])
    equal((status["manager_state"], status["worker_environment_exists"]), ("idle", False))
    equal(status["plan_queue_mode"], MODE)
    configuration = yield lambda rm: rm.config_get()
    equal((configuration["success"], configuration["config"]["ip_connect_info"]), (True, {}))
    equal((yield lambda rm: rm.protocol in (rm.Protocols.ZMQ, rm.Protocols.HTTP)), True)


def names_the_user():
    """Items carry who added them: the user of the client, or the one of the call."""
    before = yield lambda rm: (rm.user, rm.user_group)
    equal(before, ("Queue Server API User", "primary"))
    yield lambda rm: setattr(rm, "user", "anna")
    yield lambda rm: setattr(rm, "user_group", "test_user")
    added = yield lambda rm: rm.item_add(count("a"))
    equal((added["item"]["user"], added["item"]["user_group"]), ("anna", "test_user"))
    added = yield lambda rm: rm.item_add(count("b"), user="berta", user_group="primary")
    equal((added["item"]["user"], added["item"]["user_group"]), ("berta", "primary"))
    yield lambda rm: rm.set_user_name_to_login_name()
    added = yield lambda rm: rm.item_add_batch([count("c")])
    equal(added["items"][0]["user"], getpass.getuser())
    for wrong in ("", 5):
        yield from raised(lambda rm, wrong=wrong: setattr(rm, "user", wrong), ValueError)
        yield from raised(lambda rm, wrong=wrong: setattr(rm, "user_group", wrong), ValueError)
    yield lambda rm: setattr(rm, "user_group", "nobody")
    yield from refused(lambda rm: rm.item_add(count("d")), "nobody")
    for name, value in zip(("user", "user_group"), before, strict=True):
        yield lambda rm, name=name, value=value: setattr(rm, name, value)


def tells_what_is_refused():
    error = yield from refused(lambda rm: rm.item_add(BPlan("no_such_plan")), "no_such_plan")
    equal(error.response["item"]["name"], "no_such_plan")
    equal((error.request["method"], str(error)), ("queue_item_add", f"Request failed: {error.response['msg']}"))
    yield from raised_by_the_class_of_the_client(error)
    error = yield from refused(lambda rm: rm.item_add_batch([count("a"), BPlan("count", ["no_such_device"])]))
    equal([result["success"] for result in error.response["results"]], [True, False])
    yield from refused(lambda rm: rm.item_remove())
    yield from refused(lambda rm: rm.item_get(uid="nothing"))
    yield from refused(lambda rm: rm.item_move(uid="nothing", pos_dest=0))
    yield from refused(lambda rm: rm.queue_mode_set(no_such_mode=True), "no_such_mode")
    yield from refused(lambda rm: rm.queue_stop())
    yield from refused(lambda rm: rm.re_resume())
    equal((yield lambda rm: rm.request_fail_exceptions_enabled), True)
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", False)
    reply = yield lambda rm: rm.item_add(BPlan("no_such_plan"))
    equal(reply["success"], False)
    yield lambda rm: setattr(rm, "request_fail_exceptions_enabled", True)


def refuses_what_no_method_takes():
    yield from refused(lambda rm: rm.re_pause("sometime"))
    yield from refused(lambda rm: rm.send_request(method="no_such_method"), "no_such_method")
    yield from refused(lambda rm: rm.send_request(method="queue_get", params={"color": 1}), "color")


def raised_by_the_class_of_the_client(error):
    """A refusal is no failure of the connection, of HTTP, or of a parameter."""
    equal((yield lambda rm: type(error) is rm.RequestFailedError), True)
    others = yield lambda rm: (rm.HTTPRequestError, rm.HTTPClientError, rm.HTTPServerError, rm.RequestTimeoutError)
    equal(isinstance(error, others), False)


def refuses_wrong_parameters_itself():
    wrong = yield lambda rm: rm.RequestParameterError
    yield from raised(lambda rm: rm.task_status(5), wrong)
    yield from raised(lambda rm: rm.task_result(["a"]), wrong)
    yield from raised(lambda rm: rm.wait_for_completed_task(""), wrong)
    yield from raised(lambda rm: rm.wait_for_completed_task([]), wrong)
    yield from raised(lambda rm: rm.item_add("count"), TypeError)
    yield from raised(lambda rm: rm.re_runs("some"), IndexError)


def says_that_nobody_answers():
    nobody = "tcp://127.0.0.1:1"
    other = yield lambda rm: rm(zmq_control_addr=nobody, zmq_info_addr=nobody, timeout_recv=0.2)
    silence = yield lambda rm: rm.RequestTimeoutError
    error = yield from raised(lambda rm: other.item_get(pos=1), silence)
    equal(error.request, {"method": "queue_item_get", "params": {"pos": 1}})
    contains(str(error), "Request timeout")
    yield from raised(lambda rm: other.status(), silence)
    yield lambda rm: other.close()
