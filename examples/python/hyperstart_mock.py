"""A test double of hyperstart, the agent in a Hyper or Clear Containers VM, for tests in Python.

    with HyperstartMock() as agent:
        agent.on(command='startpod', reply={'error': 'no space'})
        run_the_code_under_test(agent.ctl, agent.io)
        assert agent.wait_for_message(command='ping')['payload'] == b'hello'

It runs the program mock-hyperstart, whose path is in the environment as MOCK_HYPERSTART, or which is
in PATH, and speaks JSON-RPC with it. Each method of that is a method here, with the same parameters
by name. Payloads and data are bytes. Any thread. In another language a suite needs no more than this.
"""

import base64
import concurrent.futures
import itertools
import json
import os
import queue
import select
import subprocess
import threading
import time

START_TIMEOUT = 30  # seconds until the program must have printed its first line


class RpcError(AssertionError):
    """What the program says is wrong: a wait that has failed, for example."""

    def __init__(self, error):
        super().__init__(error['message'])
        self.code = error['code']


def decode(value):
    """The bytes of an object, which has them as text or in base64."""
    for key in ('payload', 'data', 'bytes'):
        if f'{key}_base64' in value:
            value[key] = base64.b64decode(value.pop(f'{key}_base64'))
        elif isinstance(value.get(key), str):
            value[key] = value[key].encode()
    return value


def encode(value):
    """`value` with its bytes in base64, at any depth: {'ack': b'x'} is {'ack_base64': 'eA=='}."""
    if isinstance(value, dict):
        return {f'{key}_base64' if isinstance(item, bytes) else key: encode(item)
                for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def read_first_line(file):
    """The first line, or what there is of it at the end of the file. Reads nothing after it. Raises
    TimeoutError after START_TIMEOUT."""
    deadline = time.monotonic() + START_TIMEOUT
    poll = select.poll()
    poll.register(file, select.POLLIN)
    line = b''
    while not line.endswith(b'\n'):
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise TimeoutError(f'no line within {START_TIMEOUT} s')
        byte = os.read(file.fileno(), 1)
        if not byte:
            break
        line += byte
    return line


class HyperstartMock:
    """One mock-hyperstart. `arguments` are its options. `on_command`, after handle_commands, returns
    the reply to a command that no plan answers, or None; it calls no method of the mock. What it
    raises fails the command. After the program has ended, each call raises EOFError."""

    def __init__(self, *arguments, on_command=None, object_hook=decode, **options):
        program = os.environ.get('MOCK_HYPERSTART') or 'mock-hyperstart'
        try:
            self.process = subprocess.Popen([program, '--rpc', *arguments], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, **options)
        except OSError as error:
            raise OSError(f'{error}: set MOCK_HYPERSTART to the path of mock-hyperstart') from error
        first = b''
        try:
            first = read_first_line(self.process.stdout)
            self.listening = json.loads(first)
            self.ctl = self.listening['params']['ctl']
            self.io = self.listening['params']['io']
        except (ValueError, KeyError, TypeError, TimeoutError) as error:
            with self.process:  # closes the pipes, and waits
                self.process.kill()
            what = error if isinstance(error, TimeoutError) else f'its first line is {first}'
            raise OSError(f'{program} did not start: {what}, and stderr may say why. '
                          'Is MOCK_HYPERSTART the path of mock-hyperstart?') from error
        self.events = queue.Queue()  # after subscribe
        self.errors = queue.Queue()  # about lines without an id
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._requests = {}
        self._ended = False  # guarded by the lock: no request is answered any more
        self._reader = threading.Thread(target=self._read, args=(on_command, object_hook),
                                        daemon=True)
        self._reader.start()

    def send(self, method, **params):
        """Sends a request. Its result is result() of what this returns."""
        number = next(self._ids)
        line = json.dumps({'jsonrpc': '2.0', 'id': number, 'method': method,
                           'params': encode(params)})
        future = concurrent.futures.Future()
        future.set_running_or_notify_cancel()  # from now on, nobody can cancel it
        with self._lock:
            if self._ended:
                raise EOFError('mock-hyperstart has ended')
            self._requests[number] = future
        try:
            self.write(line)
        except (OSError, ValueError) as error:  # ValueError: stdin is closed
            self._requests.pop(number, None)
            raise EOFError('mock-hyperstart has ended') from error
        return future

    def write(self, line):
        with self._lock:
            self.process.stdin.write(line.encode() + b'\n')
            self.process.stdin.flush()

    def __getattr__(self, method):
        return lambda **params: self.send(method, **params).result()

    def _read(self, on_command, object_hook):
        try:
            for line in self.process.stdout:
                message = json.loads(line, object_hook=object_hook)
                if message.get('method') == 'event':
                    self.events.put(message['params'])
                elif message.get('method') == 'command':
                    self._answer(message, on_command)
                elif message['id'] is None:
                    self.errors.put(message['error'])
                elif 'error' in message:
                    self._requests.pop(message['id']).set_exception(RpcError(message['error']))
                else:
                    self._requests.pop(message['id']).set_result(message['result'])
        finally:
            with self._lock:
                self._ended = True
            for future in list(self._requests.values()):
                future.set_exception(EOFError('mock-hyperstart has ended'))

    def _answer(self, message, on_command):
        answer = {'jsonrpc': '2.0', 'id': message['id']}
        try:
            reply = on_command(message['params']) if on_command else None
            line = json.dumps({**answer, 'result': {} if reply is None else encode(reply)})
        except BaseException as error:  # SystemExit, too: the reader goes on
            line = json.dumps({**answer, 'error': {'code': -32000, 'message': repr(error)}})
        try:
            self.write(line)
        except (OSError, ValueError):
            pass  # the program has ended, as the next read says

    def end(self):
        """Ends the program, and returns its exit status."""
        try:
            self.process.stdin.close()
        except OSError:
            pass  # the program has ended by itself
        self._reader.join()
        self.process.stdout.close()
        return self.process.wait()

    def close(self):
        """Ends it, and raises what the client did against the protocol, and which plans are left. A
        second call does nothing."""
        if self.process.stdin.closed:
            return
        try:
            failures = self.stop()['failures']
        finally:
            self.end()
        if failures:
            raise AssertionError('\n'.join(failures))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.end()
