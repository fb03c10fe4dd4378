import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import RefrainData
import RefrainFoundation
import Synchronization

/// What all ``BriefAnswers`` of a server share.
final class BriefRequests: Sendable {
  let service: Service
  let executor: any TaskExecutor
  private let running = Atomic(0)
  private let clock = Mutex((second: -1, text: ""))

  init(_ service: Service, on executor: any TaskExecutor) { (self.service, self.executor) = (service, executor) }

  /// The most bytes of a body that is waited for here.
  static let longestBody = 1 << 16

  func begin() { running.wrappingAdd(1, ordering: .relaxed) }
  func end() { running.wrappingSubtract(1, ordering: .relaxed) }

  /// Returns when none is being answered any more.
  func ended() async {
    while running.load(ordering: .relaxed) > 0 { try? await Task.sleep(for: .milliseconds(10)) }
  }

  /// The route of a request that may be answered here.
  func route(_ head: HTTPRequest, _ call: Call) -> (route: Route, names: [String: String])? {
    guard let (route, names) = try? service.table.route(call.method, call.path), route.isBrief else { return nil }
    let fields = head.headerFields
    guard Int(fields[.contentLength] ?? "0").map({ $0 <= Self.longestBody }) == true,
      fields[.transferEncoding] == nil, fields[.expect] == nil,
      fields[.connection].map({ $0.lowercased() == "keep-alive" }) != false
        || route.isSocket && fields[.upgrade] != nil
    else { return nil }
    return (route, names)
  }

  /// The time as HTTP has it.
  var date: String {
    let now = time(nil)
    return clock.withLock { clock in
      if clock.second != now { clock = (now, Self.text(now)) }
      return clock.text
    }
  }

  /// A moment in seconds since 1970, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func text(_ moment: time_t) -> String {
    var (moment, parts) = (moment, tm())
    gmtime_r(&moment, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    func two(_ number: Int32) -> String { (number < 10 ? "0" : "") + String(number) }
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}

/// Answers brief requests where they come off the wire: those that have come whole, and whose ``Route/isBrief``. All
/// others go on to Hummingbird, whose streams and tasks take longer than a step of a small model.
///
/// Requests of a connection are answered in their order. While one is answered here, what follows is held; while
/// Hummingbird answers, all goes there.
final class BriefAnswers: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// A request that may be brief, as far as it has come.
  private struct Reading {
    let head: HTTPRequest
    let call: Call
    let route: (route: Route, names: [String: String])
    var parts: [ByteBuffer] = []
  }

  private enum State {
    /// Between requests.
    case idle
    case reading(Reading)
    case answering
    /// So many are Hummingbird's to answer.
    case passing(requests: Int, isReading: Bool)
    /// The answer was the last.
    case closing
  }

  /// What comes while a request is answered.
  private enum Held {
    case part(HTTPRequestPart)
    case event(Any)
    case error(any Error)
  }

  /// With so much held no more is read.
  private static let mostHeld = 32

  private let client: Client
  private let requests: BriefRequests
  private var state = State.idle
  private var held = CircularBuffer<Held>()
  private var task: Task<Void, Never>?
  private var context: ChannelHandlerContext?
  private var isGoingOn = false
  private var wantsRead = false

  init(_ client: Client, _ requests: BriefRequests) { (self.client, self.requests) = (client, requests) }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func handlerRemoved(context: ChannelHandlerContext) {
    // Also where the connection is closed, of which not every handler before this one tells.
    self.context = nil
    state = .closing
    held.removeAll()
    task?.cancel()
    task = nil
  }

  // MARK: - What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(.part(unwrapInboundIn(data)), context) }

  func channelReadComplete(context: ChannelHandlerContext) {
    passOnHalf(context)
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { take(.event(event), context) }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { take(.error(error), context) }

  private var isHolding: Bool {
    if case .answering = state { return true }
    return !held.isEmpty
  }

  private func take(_ one: Held, _ context: ChannelHandlerContext) {
    if isHolding { held.append(one) } else { handle(one, context) }
  }

  private func handle(_ one: Held, _ context: ChannelHandlerContext) {
    switch one {
    case .part(let part): handle(part, context)
    case .event(let event):
      passOnHalf(context)
      context.fireUserInboundEventTriggered(event)
    case .error(let error):
      switch state {
      case .idle where error is HTTPParserError: return refuse()
      // The answer was the last.
      case .closing: return
      default: break
      }
      passOnHalf(context)
      context.fireErrorCaught(error)
    }
  }

  private func handle(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    switch (state, part) {
    case (.closing, _): break
    case (.idle, .head(let head)):
      if let call = try? Call(head), let route = requests.route(head, call) {
        state = .reading(Reading(head: head, call: call, route: route))
        return
      }
      pass(part, context)
    case (.reading(var reading), .body(let bytes)):
      reading.parts.append(bytes)
      state = .reading(reading)
    case (.reading(let reading), .end): answer(reading, context)
    default: pass(part, context)
    }
  }

  /// Answers what is no request of HTTP, after which nothing can be read any more.
  private func refuse() {
    state = .answering
    finish(requests.service.refusal(Failure(400, "this is no request of HTTP/1.1", closes: true))) {}
  }

  /// Leaves a part to Hummingbird.
  private func pass(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
    var (requests, isReading) = (0, false)
    if case .passing(let number, let reads) = state { (requests, isReading) = (number, reads) }
    switch part {
    case .head: (requests, isReading) = (requests + 1, true)
    case .body: break
    case .end: isReading = false
    }
    state = requests == 0 && !isReading ? .idle : .passing(requests: requests, isReading: isReading)
    context.fireChannelRead(wrapInboundOut(part))
  }

  /// Leaves a request that has not come whole to Hummingbird.
  private func passOnHalf(_ context: ChannelHandlerContext) {
    guard case .reading(let reading) = state else { return }
    state = .idle
    pass(.head(reading.head), context)
    for bytes in reading.parts { pass(.body(bytes), context) }
  }

  // MARK: - What goes out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .passing(let requests, let isReading) = state, case .end = unwrapOutboundIn(data) {
      let left = max(0, requests - 1)
      state = left == 0 && !isReading ? .idle : .passing(requests: left, isReading: isReading)
    }
    context.write(data, promise: promise)
  }

  func read(context: ChannelHandlerContext) {
    if held.count < Self.mostHeld { context.read() } else { wantsRead = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { goOn() }
    context.fireChannelWritabilityChanged()
  }

  private func answer(_ reading: Reading, _ context: ChannelHandlerContext) {
    state = .answering
    var body: [UInt8] = []
    for part in reading.parts { body.append(contentsOf: part.readableBytesView) }
    var call = reading.call
    call.body = .bytes(body)
    call.takesUpgrade = body.isEmpty
    let own = NIOLoopBound(self, eventLoop: context.eventLoop)
    let (loop, client, requests, bytes, whole, route) = (
      context.eventLoop, client, requests, body, call, reading.route
    )
    requests.begin()
    // It begins at once, on this thread, and goes on here.
    let task = Task.immediate(executorPreference: requests.executor) {
      let (answer, note) = await Client.$current.withValue(client) {
        await requests.service.answer(whole, along: route) { _ throws(Failure) in bytes }
      }
      if loop.inEventLoop {
        own.value.finish(answer, note)
      } else {
        loop.execute { own.value.finish(answer, note) }
      }
      requests.end()
    }
    if case .answering = state { self.task = task }
  }

  /// Writes an answer.
  ///
  /// - Parameter note: What is done when it is on its way: the client need not wait for it.
  private func finish(_ answer: Answer, _ note: @Sendable () -> Void) {
    guard case .answering = state, let context else { return note() }
    task = nil
    if case .socket(let answerer) = answer.body {
      let head = HTTPResponse(status: .switchingProtocols, headerFields: answer.headers)
      let id = answer.headers[.requestID] ?? ""
      context.goOn(as: WebSocketConnection(answerer, client, requests, id: id), head)
      return note()
    }
    // No brief route streams.
    guard case .bytes(let bytes) = answer.body else {
      note()
      return context.close(promise: nil)
    }
    var headers = answer.headers
    headers[.contentLength] = String(bytes.count)
    headers[.date] = requests.date
    state = answer.closes ? .closing : .idle
    let head = HTTPResponse(status: HTTPResponse.Status(code: answer.status), headerFields: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    if !bytes.isEmpty { context.write(wrapOutboundOut(.body(ByteBuffer(bytes: bytes))), promise: nil) }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    note()
    if answer.closes {
      // The client has a moment to read the answer.
      let channel = context.channel
      context.eventLoop.scheduleTask(in: .milliseconds(250)) { channel.close(promise: nil) }
    }
    goOn()
  }

  /// Takes what was held, as far as it goes.
  private func goOn() {
    guard !isGoingOn, !held.isEmpty else { return }
    isGoingOn = true
    defer { isGoingOn = false }
    while let context, context.channel.isWritable {
      if case .answering = state { break }
      guard let next = held.popFirst() else { break }
      handle(next, context)
    }
    guard let context else { return }
    if held.isEmpty {
      passOnHalf(context)
      context.fireChannelReadComplete()
    }
    if wantsRead, held.count < Self.mostHeld {
      wantsRead = false
      context.read()
    }
  }
}
