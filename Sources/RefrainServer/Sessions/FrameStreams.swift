import Refrain
import RefrainData
import RefrainTasks

/// The live streams of a frame predictor: frames come in, and those that follow are foreseen when somebody asks. It
/// looks at so many of the last frames, which are what is remembered.
struct FrameStreams: LiveModel {
  let kind = "frames"
  private let model: FramePredictor
  private let shape: [Int]
  private let name: String
  private let meters: Meters

  init(_ model: FramePredictor, model name: String, meters: Meters) {
    (self.model, self.name, self.meters) = (model, name, meters)
    shape = model.frameShape
  }

  private var size: Int { shape.reduce(1, *) }
  var inputText: String {
    "a frame of \(shape[0]) × \(shape[1]) × \(shape[2]) numbers from 0 to 1 (rows, columns, channels)"
  }
  var stepBytes: Int? { 4 * size }

  /// No frame yet: the values of those that are remembered, one after the other.
  func begin() -> LiveState { [Float]() }

  func steps(_ body: [UInt8], type: String) throws(Failure) -> LiveSteps {
    let values =
      type == MediaType.bytes
      ? try SessionBody.numbers(body, size: size, inputText)
      : try SessionBody.numbers(SessionBody.json(body, type: type), size: size, inputText)
    guard values.allSatisfy({ (0...1).contains($0) }) else {
      throw Failure(400, "there is a number that is not from 0 to 1, and a step is \(inputText)")
    }
    return .numbers(values, count: values.count / size)
  }

  func take(_ steps: LiveSteps, _ box: StateBox, seesGates: Bool) async throws(Failure) -> LiveOutput {
    guard case .numbers(let values, let count) = steps, var seen = box.takeOut(as: [Float].self) else {
      return LiveOutput(content: .texts([]))
    }
    let before = seen.count / size
    seen += values
    seen.removeFirst(max(0, seen.count - model.context * size))
    box.state = seen
    box.steps += count
    let output = LiveOutput(
      content: .texts((1...max(1, count)).map { "{\"seen\":\(min(model.context, before + $0))}" }))
    box.last = output.last
    for _ in 0..<count { meters.stepped(name, sessions: 1) }
    return output
  }

  func foreseeing(_ state: LiveState, _ query: [String: String]) throws(Failure) -> LiveWork {
    let steps = try query["steps"].map { (text) throws(Failure) -> Int in
      guard let count = Int(text), (1...4096).contains(count) else {
        throw Failure(400, "the parameter steps is a number from 1 to 4096, not \(text.quoted)")
      }
      return count
    }
    guard let seen = state as? [Float], !seen.isEmpty else {
      throw Failure(400, "no frame has come yet, so that none can be foreseen")
    }
    let (model, shape, size) = (model, shape, size)
    return {
      let clip = Clip(Tensor(seen, shape: [seen.count / size] + shape))
      return LiveOutput(content: .numbers(try model.next(steps: steps, after: clip).tensor.values, shape: shape))
    }
  }

  func file(of state: LiveState) throws(DataError) -> SafeTensorsFile {
    guard let seen = state as? [Float] else { throw DataError(.invalidTensor, "the state is of another model") }
    let frames = NamedArray(name: "frames", array: NumericArray(seen, shape: [seen.count]))
    return SafeTensorsFile(tensors: seen.isEmpty ? [] : [frames])
  }

  func state(in file: SafeTensorsFile) throws(DataError) -> LiveState {
    let seen = file["frames"]?.array.values.floats ?? []
    guard seen.count % size == 0, seen.count <= model.context * size, seen.allSatisfy({ (0...1).contains($0) }) else {
      throw DataError(.damagedModel, "this is no state of a session")
    }
    return seen
  }
}
