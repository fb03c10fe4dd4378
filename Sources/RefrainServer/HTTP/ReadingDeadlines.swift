import HTTPTypes
import NIOCore
import NIOHTTPTypes
import RefrainData
import Synchronization

/// Ends connections whose clients take too long to send a request: one look at all of them now and then costs less
/// than a timer for each.
final class ReadingDeadlines: Sendable {
  private struct Entry {
    let deadline: UInt64
    let channel: any Channel
    let request: String
  }

  private struct Table {
    var next: UInt64 = 0
    var entries: [UInt64: Entry] = [:]
  }

  private let patience: UInt64
  private let table = Mutex(Table())

  init(patience: Double) { self.patience = UInt64(max(0.05, patience) * 1e9) }

  /// A request begins to be read from a connection.
  ///
  /// - Parameter request: What it is called.
  func begin(_ channel: any Channel, _ request: String) -> UInt64 {
    let deadline = Session.now &+ patience
    return table.withLock { table in
      table.next &+= 1
      table.entries[table.next] = Entry(deadline: deadline, channel: channel, request: request)
      return table.next
    }
  }

  /// The request was read; false when its time was up before.
  func end(_ number: UInt64) -> Bool { table.withLock { $0.entries.removeValue(forKey: number) != nil } }

  /// Answers 408 where the time is up, and closes the connection.
  func sweep() {
    let now = Session.now
    let late = table.withLock { table in
      let late = table.entries.filter { $0.value.deadline < now }
      for number in late.keys { table.entries[number] = nil }
      return Array(late.values)
    }
    for entry in late {
      let channel = entry.channel
      let body = Array("{\"error\":\"the request took too long to arrive\"}\n".utf8)
      var headers = HTTPFields()
      headers[.contentType] = MediaType.json
      headers[.contentLength] = String(body.count)
      headers[.connection] = "close"
      headers[.requestID] = entry.request
      channel.write(HTTPResponsePart.head(HTTPResponse(status: .requestTimeout, headerFields: headers)), promise: nil)
      channel.write(HTTPResponsePart.body(ByteBuffer(bytes: body)), promise: nil)
      channel.writeAndFlush(HTTPResponsePart.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }
  }
}
