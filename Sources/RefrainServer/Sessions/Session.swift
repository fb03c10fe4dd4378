import Dispatch
import RefrainData
import Synchronization

/// A stream on the server, with what it remembers.
final class Session: Sendable {
  /// The state at a moment, to go back to or to go on from in another direction.
  struct Snapshot: Sendable {
    let name: String
    let state: LiveState
    let last: LiveOutput?
    let steps: Int
  }

  /// 32 hexadecimal digits that nobody can guess.
  let id: String
  let model: ServedModel
  let live: any LiveModel
  /// The sequence that it is, for clients of the Open Inference Protocol.
  let sequence: String?
  /// Whose token it was begun with; nil where none was asked for.
  let owner: String?
  /// Lets one request at a time to what follows.
  let gate = Gate()
  let box: StateBox
  private let guarded = Mutex(Guarded())
  private let lastUse = Atomic(Session.now)

  private struct Guarded {
    var snapshots: [Snapshot] = []
    var named = 0
    var isGone = false
  }

  /// The most snapshots of a session.
  static let mostSnapshots = 16

  init(id: String, model: ServedModel, live: any LiveModel, sequence: String?, owner: String?, state: LiveState) {
    (self.id, self.model, self.live, self.sequence, self.owner) = (id, model, live, sequence, owner)
    box = StateBox(state)
  }

  /// A clock that only goes forward, in nanoseconds.
  static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

  /// How long nobody has asked for it, in seconds.
  var idleTime: Double { Double(Self.now &- lastUse.load(ordering: .relaxed)) / 1e9 }
  var used: UInt64 { lastUse.load(ordering: .relaxed) }
  func touch() { lastUse.store(Self.now, ordering: .relaxed) }

  /// Whether it was closed, expired or stored while somebody waited for it.
  var isGone: Bool { guarded.withLock { $0.isGone } }
  func leaveForGood() { guarded.withLock { $0.isGone = true } }

  /// The snapshots, the oldest first.
  var snapshots: [Snapshot] { guarded.withLock { $0.snapshots } }

  /// The snapshot of a name.
  ///
  /// - Throws: 404.
  func snapshot(_ name: String) throws(Failure) -> Snapshot {
    guard let found = snapshots.first(where: { $0.name == name }) else {
      let names = snapshots.map(\.name.quoted).joined(separator: ", ")
      throw Failure(404, "the session has no snapshot \(name.quoted)\(names.isEmpty ? "" : "; it has " + names)")
    }
    return found
  }

  /// Keeps the state as it is now.
  ///
  /// - Throws: 429 when there are as many as there may be.
  func takeSnapshot() throws(Failure) -> Snapshot {
    let (state, last, steps) = (box.state, box.last, box.steps)
    let made: Snapshot? = guarded.withLock { guarded in
      guard guarded.snapshots.count < Self.mostSnapshots else { return nil }
      guarded.named += 1
      let snapshot = Snapshot(name: "\(guarded.named)", state: state, last: last, steps: steps)
      guarded.snapshots.append(snapshot)
      return snapshot
    }
    guard let made else {
      throw Failure(429, "a session has at most \(Self.mostSnapshots) snapshots; delete one first")
    }
    return made
  }

  /// Puts back snapshots that were kept.
  func keep(_ snapshots: [Snapshot]) {
    guarded.withLock { guarded in
      guarded.snapshots = snapshots
      guarded.named = snapshots.compactMap { Int($0.name) }.max() ?? 0
    }
  }

  /// Forgets a snapshot.
  ///
  /// - Throws: 404.
  func drop(_ name: String) throws(Failure) {
    _ = try snapshot(name)
    guarded.withLock { $0.snapshots.removeAll { $0.name == name } }
  }

  /// Goes back to a snapshot.
  func restore(_ snapshot: Snapshot) {
    (box.state, box.last, box.steps) = (snapshot.state, snapshot.last, snapshot.steps)
  }

  /// What there is to say of it without taking a step.
  var description: String {
    let snapshots = snapshots.map { "{\"name\":\(jsonText($0.name)),\"steps\":\($0.steps)}" }
    var text = "{\"id\":\"\(id)\",\"model\":\(jsonText(model.name)),\"fingerprint\":\"\(model.fingerprint)\""
    text += ",\"kind\":\"\(live.kind)\",\"steps\":\(box.steps)"
    text += ",\"last\":\(box.last?.each.last ?? "null")"
    if let sequence { text += ",\"sequence\":\(jsonText(sequence))" }
    return text + ",\"idleSeconds\":\(idleTime),\"snapshots\":[\(snapshots.joined(separator: ","))]}"
  }
}
