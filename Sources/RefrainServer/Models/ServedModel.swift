import Refrain
import RefrainData
import RefrainFormats
import RefrainModels
import RefrainTasks

/// A model under a name.
struct ServedModel: Sendable {
  /// What requests call it.
  let name: String
  /// What it is, for people: the format of its file.
  let title: String
  /// A number that follows from its file's bytes: a state of another model is told by it.
  let fingerprint: String
  /// What runs on arrays; nil for a task without such a network.
  let runnable: (any RunnableModel)?
  /// What can be taken step by step; nil for a model that needs the whole sequence.
  let live: (any LiveModel)?
  /// Why it cannot be taken step by step.
  let notLive: String?
  /// What answers as the command does; nil for a model that is no task.
  let task: TaskDoor?
  /// What its tensors are in a task whose network does not see the data as they stand; nil else.
  let tensorNote: String?
  /// What a report says of it, each under a word or two.
  let facts: [(name: String, value: String)]
  /// The number of its weights, where it is known.
  let weights: Int?

  /// The only version that there is of a model.
  static let version = "1"

  /// Reads a model file.
  ///
  /// - Throws: What reading its format throws.
  init(name: String, path: String, meters: Meters) throws(DataError) {
    let bytes = try readFile(path)
    let loaded = try LoadedModel(contentsOf: path)
    self.init(
      name: name, title: loaded.format.title, fingerprint: Self.fingerprint(bytes), loaded.model, notes: loaded.notes,
      meters: meters)
  }

  /// A model at hand.
  ///
  /// - Parameter notes: What was assumed when it was read, in words.
  init(
    name: String, title: String, fingerprint: String, _ model: LoadedModel.Model, notes: [String] = [], meters: Meters
  ) {
    let notes = notes.map { (name: "Assumed", value: $0) }
    (self.name, self.title, self.fingerprint) = (name, title, fingerprint)
    if case .task(let task) = model, task.network != nil {
      tensorNote =
        "these are the network's own numbers, which the task \(type(of: task).name) makes of data (scaled values, numbers "
        + "of words) and reads its answers from; for data as they stand ask /tasks/\(name)/predict"
    } else {
      tensorNote = nil
    }
    switch model {
    case .sequential(let layers):
      (runnable, task, facts, weights) = (layers, nil, notes, layers.parameterCount)
      do throws(LayerError) {
        live = try LayerStreams(layers, model: name, meters: meters)
        notLive = nil
      } catch { (live, notLive) = (nil, error.description) }
    case .graph(let graph):
      (runnable, task, facts, weights) = (graph, nil, notes, nil)
      // A graph that is a chain of layers goes step by step as one.
      let layers = try? Sequential(onnx: graph)
      let streams = layers.flatMap { try? LayerStreams($0, model: name, meters: meters) }
      (live, notLive) = (streams, streams == nil ? "the graph is no chain of layers that go step by step" : nil)
    case .task(let task):
      let door = TaskDoor(task)
      (runnable, self.task, facts, weights) = (task.network, door, task.facts, nil)
      do {
        live = try Self.live(task, name, meters)
        notLive = live == nil ? "models of the task \(door.name) answer whole files" : nil
      } catch { (live, notLive) = (nil, Failure(throwing: error).message) }
    }
  }

  /// What takes a task's data as they come; nil where none can.
  ///
  /// - Throws: Why this model cannot, though others of its task do.
  private static func live(_ task: any TaskModel, _ name: String, _ meters: Meters) throws -> (any LiveModel)? {
    switch task {
    case let task as Detector: return DetectorStreams(task, model: name, meters: meters)
    case let task as LanguageModel: return try TextStreams(task, model: name, meters: meters)
    case let task as FramePredictor: return FrameStreams(task, model: name, meters: meters)
    case let task as Transcriber: return try RecordingStreams(RecordingListener(task), model: name, meters: meters)
    case let task as Classifier:
      return try RecordingListener(task).map { try RecordingStreams($0, model: name, meters: meters) }
    default: return nil
    }
  }

  /// Has steps taken where others wait for the network.
  func run(on executor: any TaskExecutor) {
    for network in live?.networks ?? [] { network.run(on: executor) }
  }

  /// A number that follows from bytes: FNV-1a, taken over words of eight bytes.
  private static func fingerprint(_ bytes: [UInt8]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    bytes.withUnsafeBytes { bytes in
      var place = 0
      while place + 8 <= bytes.count {
        hash =
          (hash ^ UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
          &* 0x100_0000_01b3
        hash ^= hash >> 29
        place += 8
      }
      while place < bytes.count {
        hash = (hash ^ UInt64(bytes[place])) &* 0x100_0000_01b3
        place += 1
      }
    }
    return String(hash, radix: 16)
  }
}
