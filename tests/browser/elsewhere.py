"""A web site of somebody else, whose pages attack the product in the visitor's browser."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>Elsewhere</title><body>Hello"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the library's name


class Elsewhere:
    """Serves blank pages on a free port of the loopback address."""

    def __enter__(self) -> "Elsewhere":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# Each attack is a function of the target's URL, or of it and a run's id; it tells what the page got, null for nothing.
ATTACKS = {
    "fetch, to read": "url => fetch(url + '/conversations').then(r => r.text(), () => null)",
    "fetch with cookies, to read": """url => fetch(url + '/conversations', {credentials: 'include'})
        .then(r => r.text(), () => null)""",
    "fetch, to ask with JSON": """url => fetch(url + '/chat', {method: 'POST', credentials: 'include',
        headers: {'Content-Type': 'application/json'}, body: '{"message": "say:attack"}'})
        .then(r => r.text(), () => null)""",
    "fetch past CORS, to read": """url => fetch(url + '/conversations', {mode: 'no-cors', credentials: 'include'})
        .then(r => r.text().then(text => text || null), () => null)""",
    "fetch past CORS, to ask": """url => fetch(url + '/chat', {method: 'POST', mode: 'no-cors', credentials: 'include',
        body: '{"message": "say:attack"}'}).then(r => r.text().then(text => text || null), () => null)""",
    "fetch past CORS, to stream": """url => fetch(url + '/chat/stream', {method: 'POST', mode: 'no-cors',
        credentials: 'include', body: '{"message": "say:attack"}'})
        .then(r => r.text().then(text => text || null), () => null)""",
    "beacon, to make an agent": """url => { navigator.sendBeacon(url + '/agents/attack', '{}');
        return new Promise(done => setTimeout(() => done(null), 300)) }""",
    "socket": """url => new Promise(done => {
        const socket = new WebSocket(url.replace('http', 'ws') + '/ws')
        socket.onopen = () => socket.send('{"type": "chat", "data": {"message": "say:attack"}}')
        socket.onmessage = event => done(event.data)
        socket.onclose = () => done(null) })""",
    "event source": """([url, run]) => new Promise(done => {
        const source = new EventSource(url + '/runs/' + run + '/events', {withCredentials: true})
        source.onmessage = event => done(event.data)
        source.onerror = () => { source.close(); done(null) } })""",
    "script": """url => new Promise(done => {
        const script = document.createElement('script')
        script.src = url + '/conversations'
        script.onload = () => done('loaded')
        script.onerror = () => done(null)
        document.body.append(script) })""",
    "image": """([url, run]) => new Promise(done => {
        const image = new Image()
        image.onload = () => done('loaded')
        image.onerror = () => done(null)
        image.src = url + '/static/chat/icon.svg' })""",
    "frame": """url => new Promise(done => {
        const frame = document.createElement('iframe')
        frame.src = url + '/'
        frame.onload = () => { try { done(frame.contentDocument && frame.contentDocument.body.innerText || null) }
                               catch (_) { done(null) } }
        document.body.append(frame) })""",
}
FORM = """([url, path, type]) => {
    const form = document.createElement('form')
    form.method = 'POST'; form.action = url + path; form.enctype = type
    const field = document.createElement('input')
    field.name = '{"message": "say:attack", "instructions": "'; field.value = '"}'
    form.append(field); document.body.append(form); form.submit() }"""
