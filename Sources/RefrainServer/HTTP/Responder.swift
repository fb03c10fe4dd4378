import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTP1
import RefrainData

/// Hands requests from Hummingbird to the ``Service``, and its answers back.
struct Responder {
  let service: Service
  let deadlines: ReadingDeadlines
  let brief: BriefRequests

  /// Answers a request on the connection that it came by.
  func respond(to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel) async throws {
    var response = await response(to: request, channel)
    response.headers[.date] = brief.date
    do {
      try await writer.write(response: response.head, body: response.body)
    } catch is HTTPParserError {
      // Hummingbird would answer that by itself, in the midst of this answer.
      throw BrokenRequest()
    }
  }

  /// What follows a request's head is not HTTP.
  private struct BrokenRequest: Error {}

  private func response(to request: Request, _ channel: any Channel) async -> Response {
    var call: Call
    do throws(Failure) { call = try Call(request.head) } catch {
      return response(service.refusal(error, of: request.head), channel, nil)
    }
    call.id = service.requestID(call.header(.requestID))
    call.body = .stream(request.body)
    let client = Client.at(channel)
    let whole = call
    let answer = await Client.$current.withValue(client) {
      await service.respond(whole) { (limit) throws(Failure) in
        try await read(request.body, atMost: limit, from: channel, of: whole.id)
      }
    }
    return response(answer, channel, client)
  }

  /// All of a body.
  ///
  /// - Throws: 413 for a long one, 408 for one that takes too long.
  private func read(
    _ body: RequestBody, atMost limit: Int, from channel: any Channel, of request: String
  ) async throws(Failure) -> [UInt8] {
    let number = deadlines.begin(channel, request)
    var bytes: [UInt8] = []
    do {
      for try await part in body {
        guard bytes.count + part.readableBytes <= limit else {
          _ = deadlines.end(number)
          throw Failure(413, "the body has more than \(memoryText(limit))", closes: true)
        }
        bytes.append(contentsOf: part.readableBytesView)
      }
    } catch let failure as Failure {
      throw failure
    } catch {
      // What was cut off because its time was up has been answered so.
      guard deadlines.end(number) else { throw Self.tooSlow }
      throw Failure(400, "the body could not be read to its end", closes: true)
    }
    guard deadlines.end(number) else { throw Self.tooSlow }
    return bytes
  }

  private static var tooSlow: Failure { Failure(408, "the request took too long to arrive", closes: true) }

  private func response(_ answer: Answer, _ channel: any Channel, _ client: Client?) -> Response {
    let status = HTTPResponse.Status(code: answer.status)
    switch answer.body {
    case .bytes(let bytes):
      guard answer.closes else {
        return Response(
          status: status, headers: answer.headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
      }
      var headers = answer.headers
      headers[.contentLength] = String(bytes.count)
      let body = ResponseBody(contentLength: bytes.count) { writer in
        try await writer.write(ByteBuffer(bytes: bytes))
        try await writer.finish(nil)
        // What is left of the request is not waited for. The client has a moment to read the answer.
        channel.eventLoop.scheduleTask(in: .milliseconds(250)) { channel.close(promise: nil) }
      }
      return Response(status: status, headers: headers, body: body)
    case .stream(let write):
      let body = ResponseBody { writer in
        var pieces: any PieceWriter = BodyWriter(writer: writer)
        do {
          try await Client.$current.withValue(client) { try await write(&pieces) }
        } catch {
          channel.close(promise: nil)
          throw error
        }
        try await writer.finish(nil)
        if answer.closes { channel.eventLoop.scheduleTask(in: .milliseconds(250)) { channel.close(promise: nil) } }
      }
      return Response(status: status, headers: answer.headers, body: body)
    case .socket:
      // Only what comes whole off the wire can go on so.
      return response(Failure(500, "the connection cannot go on as a WebSocket", closes: true).answer, channel, client)
    }
  }
}

/// Writes into Hummingbird's body.
private struct BodyWriter: PieceWriter {
  var writer: any ResponseBodyWriter

  mutating func write(_ bytes: [UInt8]) async throws {
    if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
  }
}
