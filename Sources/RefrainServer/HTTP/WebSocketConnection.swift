import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// What is said to a message of a WebSocket.
struct WebSocketReply: Sendable {
  enum Content: Sendable {
    case text(String)
    case bytes([UInt8])
  }

  var content: Content
  /// Why it is the last one.
  var closing: WebSocketClosing?
}

/// A connection that goes on as a WebSocket: one message after another is answered, and what RFC 6455 asks of a server
/// is done.
///
/// Messages are answered in their order, and one at a time; of those that have come in the meantime some are held, and
/// then no more is read until there is room. Nor is more read, or answered, while the client does not read.
final class WebSocketConnection: ChannelDuplexHandler {
  typealias InboundIn = WebSocketFrame
  typealias InboundOut = Never
  typealias OutboundIn = Never
  typealias OutboundOut = WebSocketFrame

  /// What answers messages.
  typealias Answerer = @Sendable (WebSocketMessage) async -> WebSocketReply

  private enum State {
    case open
    /// Nothing more is taken; what came before is still answered.
    case ending
    /// The client was told that it is over.
    case closing
  }

  private enum Item {
    case message(WebSocketMessage)
    case close(WebSocketClosing)
  }

  /// The most bytes of a message.
  static let longestMessage = 1 << 20
  /// With so many messages held no more is read.
  private static let mostHeld = 32
  /// How long a client may take to say that it has heard of the end, and to read why it is ended, in seconds.
  private static let closingTime = (calm: 5, violation: 1)

  private let answerer: Answerer
  private let client: Client
  private let requests: BriefRequests
  private let id: String
  private var reader: WebSocketReader
  private var state = State.open
  private var items = CircularBuffer<Item>()
  private var heldBytes = 0
  private var isAnswering = false
  private var isGoingOn = false
  private var wantsRead = false
  private var needsFlush = false
  private var task: Task<Void, Never>?
  private var context: ChannelHandlerContext?
  private var timer: Scheduled<Void>?
  /// When something came, when a message was answered, and when the client was last asked whether it is there.
  private var heard = NIODeadline.now()
  private var used = NIODeadline.now()
  private var asked = NIODeadline.now()
  private let began = NIODeadline.now()
  private var answered = 0
  /// How it ended: 1006 where nobody said so.
  private var code: UInt16 = 1006

  /// - Parameter id: What the request that became it is called in the log.
  init(_ answerer: @escaping Answerer, _ client: Client, _ requests: BriefRequests, id: String) {
    (self.answerer, self.client, self.requests, self.id) = (answerer, client, requests, id)
    reader = WebSocketReader(limit: min(Self.longestMessage, requests.service.settings.longestBody))
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    requests.service.meters.socketOpened()
    look(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    state = .closing
    items.removeAll()
    timer?.cancel()
    task?.cancel()
    task = nil
    client.leave()
    let service = requests.service
    service.meters.socketClosed(code)
    service.logger.info(
      "websocket",
      metadata: [
        "request": "\(id)", "code": .stringConvertible(Int(code)), "messages": .stringConvertible(answered),
        "seconds": .stringConvertible(Double((NIODeadline.now() - began).nanoseconds) / 1e9),
      ])
  }

  // MARK: - What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    heard = .now()
    switch state {
    case .closing: if frame.opcode == .connectionClose { context.close(promise: nil) }
    case .ending: break
    case .open:
      do throws(WebSocketClosing) {
        switch try reader.take(frame) {
        case .message(let message):
          items.append(.message(message))
          heldBytes += message.bytes.count
        case .ping(let bytes): write(.pong, ByteBuffer(bytes: bytes), context)
        case .close(let closing): end(closing)
        case nil: break
        }
      } catch { end(error) }
      goOn()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard let error = error as? NIOWebSocketError else { return context.close(promise: nil) }
    guard state == .open else { return }
    end(reader.closing(for: error))
    goOn()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case is ChannelShouldQuiesceEvent:
      guard state == .open else { return }
      // What is being answered is answered; the client knows of the others that they were not.
      items.removeAll()
      end(WebSocketClosing(cause: .server, code: 1001, reason: "the server ends"))
      goOn()
    case ChannelEvent.inputClosed:
      // Who has said goodbye before still reads.
      if state != .ending { context.close(promise: nil) }
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  /// Takes no more messages, and closes when those that came before are answered.
  private func end(_ closing: WebSocketClosing) {
    state = .ending
    items.append(.close(closing))
  }

  func read(context: ChannelHandlerContext) {
    if hasRoom(context) { context.read() } else { wantsRead = true }
  }

  private func hasRoom(_ context: ChannelHandlerContext) -> Bool {
    state != .open || items.count < Self.mostHeld && heldBytes < Self.longestMessage && context.channel.isWritable
  }

  // MARK: - Answering

  /// Takes what was held, as far as it goes.
  private func goOn() {
    guard !isGoingOn else { return }
    isGoingOn = true
    while !isAnswering, state != .closing, let context, let item = items.first {
      if case .message = item, !context.channel.isWritable { break }
      items.removeFirst()
      switch item {
      case .message(let message):
        heldBytes -= message.bytes.count
        answer(message, context)
      case .close(let closing): close(closing, context)
      }
    }
    isGoingOn = false
    if needsFlush, let context {
      needsFlush = false
      context.flush()
    }
    if wantsRead, let context, hasRoom(context) {
      wantsRead = false
      context.read()
    }
  }

  private func answer(_ message: WebSocketMessage, _ context: ChannelHandlerContext) {
    isAnswering = true
    let own = NIOLoopBound(self, eventLoop: context.eventLoop)
    let (loop, client, requests, answerer) = (context.eventLoop, client, requests, answerer)
    requests.begin()
    // It begins at once, on this thread, and goes on here.
    let task = Task.immediate(executorPreference: requests.executor) {
      let reply = await Client.$current.withValue(client) { await answerer(message) }
      if loop.inEventLoop {
        own.value.finish(reply)
      } else {
        loop.execute { own.value.finish(reply) }
      }
      requests.end()
    }
    if isAnswering { self.task = task }
  }

  private func finish(_ reply: WebSocketReply) {
    (isAnswering, task) = (false, nil)
    guard state != .closing, let context else { return }
    answered += 1
    (heard, used) = (.now(), .now())
    switch reply.content {
    case .text(let text): write(.text, ByteBuffer(string: text), context)
    case .bytes(let bytes): write(.binary, ByteBuffer(bytes: bytes), context)
    }
    if let closing = reply.closing { close(closing, context) }
    goOn()
  }

  // MARK: - What goes out

  /// Nothing is written here but frames of its own.
  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    promise?.fail(ChannelError.operationUnsupported)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { goOn() }
    context.fireChannelWritabilityChanged()
  }

  private func write(_ kind: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
    context.write(wrapOutboundOut(WebSocketFrame(fin: true, opcode: kind, data: data)), promise: nil)
    needsFlush = true
  }

  private func close(_ closing: WebSocketClosing, _ context: ChannelHandlerContext) {
    guard state != .closing else { return }
    state = .closing
    items.removeAll()
    code = closing.code ?? 1005
    var data = ByteBuffer()
    if let code = closing.code { data.writeInteger(code) }
    data.writeString(closing.reason)
    let frame = wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: data))
    needsFlush = false
    if closing.cause == .client {
      let written = context.eventLoop.makePromise(of: Void.self)
      let channel = context.channel
      written.futureResult.whenComplete { _ in channel.close(promise: nil) }
      context.writeAndFlush(frame, promise: written)
    } else {
      context.writeAndFlush(frame, promise: nil)
    }
    // Who does not read, or says nothing to it, is not waited for.
    let patience = closing.cause == .violation ? Self.closingTime.violation : Self.closingTime.calm
    timer?.cancel()
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(patience))) { [weak self] in
      self?.context?.close(promise: nil)
    }
    if wantsRead {
      wantsRead = false
      context.read()
    }
  }

  // MARK: - Silence

  /// Asks a client that has been silent whether it is still there, and ends the connection where it is not, or where
  /// nothing is asked of the session any more.
  private func look(_ context: ChannelHandlerContext) {
    let settings = requests.service.settings
    let patience = TimeAmount.nanoseconds(Int64(max(0.05, min(settings.readingTime, 1e8)) * 1e9))
    let now = NIODeadline.now()
    if isAnswering { heard = now }
    if now - heard >= patience * 2 {
      close(WebSocketClosing(cause: .server, code: 1001, reason: "nothing was heard, or read"), context)
    } else if now - used >= .nanoseconds(Int64(min(settings.idleTime, 1e8) * 1e9)), !isAnswering, state == .open {
      close(WebSocketClosing(cause: .server, code: 1001, reason: "no message came for a long time"), context)
    } else if now - max(heard, asked) >= patience, state == .open, context.channel.isWritable {
      asked = now
      write(.ping, ByteBuffer(), context)
      needsFlush = false
      context.flush()
    }
    guard state != .closing else { return }
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: .nanoseconds(patience.nanoseconds / 4)) { [weak self] in
      guard let self, let context = self.context else { return }
      self.look(context)
    }
  }
}

extension ChannelHandlerContext {
  /// Makes a WebSocket of the connection when its request has been read and nothing else is being answered.
  ///
  /// The client says nothing before it has the answer, so that the answer is written when what reads HTTP has gone.
  ///
  /// - Parameter head: The answer to the request.
  func goOn(as connection: WebSocketConnection, _ head: HTTPResponse) {
    let pipeline = channel.pipeline.syncOperations
    do {
      let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
      let limit = WebSocketConnection.longestMessage
      pipeline.removeHandler(context: decoder).assumeIsolated().whenComplete { result in
        do {
          try result.get()
          self.write(NIOAny(HTTPResponsePart.head(head)), promise: nil)
          self.writeAndFlush(NIOAny(HTTPResponsePart.end(nil)), promise: nil)
          try pipeline.addHandlers(
            [WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limit)), connection],
            position: .before(self.handler))
          for context in [
            try pipeline.context(handlerType: HTTPResponseEncoder.self),
            try pipeline.context(handlerType: HTTP1ToHTTPServerCodec.self),
            // The one that closes connections without requests: of two the first.
            try pipeline.context(handlerType: HTTPConnectionStateHandler.self), self,
          ] { pipeline.removeHandler(context: context, promise: nil) }
          if let old = try? pipeline.context(handlerType: OldVersion.self) {
            pipeline.removeHandler(context: old, promise: nil)
          }
        } catch { self.close(promise: nil) }
      }
    } catch { close(promise: nil) }
  }
}
