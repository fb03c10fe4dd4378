import Refrain
import RefrainData

/// How many examples are learned from together. In files it is a number, or `auto`.
public enum BatchSize: Sendable, Equatable, Codable, ExpressibleByIntegerLiteral {
  /// So many, at least 1.
  case count(Int)
  /// As many as the memory budget has room for: the task's own size, doubled as often as a training step fits and an
  /// epoch keeps sixteen updates; or the largest that fits, where the task's own does not.
  case fitting

  /// So many.
  public init(integerLiteral value: Int) { self = .count(value) }

  /// The sizes that there may be.
  static let sizes = 1...65_536

  private static let word = "auto"

  /// The size that a text says, a whole number or `auto`; nil for another text.
  init?(_ text: String) {
    if text.lowercased() == Self.word {
      self = .fitting
    } else if let count = Int(text) {
      self = .count(count)
    } else {
      return nil
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let count = try? container.decode(Int.self) {
      self = .count(count)
    } else if try container.decode(String.self) == Self.word {
      self = .fitting
    } else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a number or \(Self.word) is wanted")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .count(let count): try container.encode(count)
    case .fitting: try container.encode(Self.word)
    }
  }
}

extension TaskOption {
  /// How many examples are learned from together: a number within bounds, or `auto`.
  ///
  /// - Parameters:
  ///   - examples: What they are, such as `sentences`.
  ///   - usual: How many there are by default.
  static func batchSize(
    _ place: WritableKeyPath<Target, BatchSize?> & Sendable, of examples: String,
    in range: ClosedRange<Int> = BatchSize.sizes, usually usual: String
  ) -> TaskOption {
    let name = "batch"
    return TaskOption(
      name, .value, valueName: "n",
      help: """
        How many \(examples) are learned from together; auto takes as many as --memory has room for. (default: \(usual))
        """
    ) { target, texts throws(OptionError) in
      guard let size = BatchSize(texts[0]) else {
        throw OptionError(option: name, "takes a whole number, or auto, not \(texts[0].quoted)")
      }
      if case .count(let count) = size, !range.contains(count) {
        let bound = count < range.lowerBound ? "at least \(range.lowerBound)" : "at most \(range.upperBound)"
        throw OptionError(option: name, "must be \(bound), not \(count)")
      }
      target[keyPath: place] = size
    }
  }
}

/// Which batches a budget of memory has room for.
struct BatchFit {
  /// The task's own size.
  let usual: Int
  /// How many examples an epoch has.
  let examples: Int
  /// The bytes that there are.
  let budget: Int
  /// The bytes of a training step with a batch of so many examples; more for more.
  let bytes: (_ size: Int) -> Int

  /// A batch that doubles leaves an epoch at least so many updates: with fewer, little is learned in the epochs
  /// planned.
  private static let leastUpdates = 16

  private func fits(_ size: Int) -> Bool { bytes(size) <= budget }

  /// The largest size that fits, up to one; nil where not even 1 does.
  func largest(atMost size: Int) -> Int? {
    guard size > 0, fits(1) else { return nil }
    guard !fits(size) else { return size }
    var (low, high) = (1, size)
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    return low
  }

  /// The size for ``BatchSize/fitting``; nil where not even 1 fits.
  var automatic: Int? {
    guard fits(usual) else { return largest(atMost: usual) }
    var size = usual
    while 2 * size * Self.leastUpdates <= examples, BatchSize.sizes ~= 2 * size, fits(2 * size) {
      size *= 2
    }
    return size
  }

  /// What is wrong with a size that does not fit, and which would; nil where it fits.
  func problem(_ size: Int) -> String? {
    guard !fits(size) else { return nil }
    let remedy = largest(atMost: size).map { "batches of \($0) would fit" } ?? "not even one example would fit"
    return "\(claim(size)), more than the memory budget of \(memoryText(budget)): \(remedy)"
  }

  /// What is to be known of the size that was found.
  func note(_ size: Int) -> String {
    "\(claim(size)) of a memory budget of \(memoryText(budget)); the usual size is \(usual)."
  }

  private func claim(_ size: Int) -> String {
    "A training step with a batch of \(size) takes about \(memoryText(bytes(size)))"
  }
}

extension TrainingContext {
  /// The size of batches, where it is not the task's own.
  ///
  /// - Parameters:
  ///   - wanted: What was asked for; nil is the task's own.
  ///   - usual: The task's own.
  ///   - fit: Finds out which sizes memory has room for; not called where nothing was asked for.
  /// - Throws: ``TaskError`` where not even one example fits, of ``BatchSize/fitting``.
  func batchSize(
    _ wanted: BatchSize?, usually usual: Int, fit: () throws(TaskError) -> BatchFit
  ) throws(TaskError) -> Int {
    switch wanted {
    case nil: return usual
    case .count(let size):
      guard group?.isFirst ?? true else { return size }
      if let problem = try fit().problem(size) { warn?(problem + ".") }
      return size
    case .fitting: return try fitting(fit)
    }
  }

  /// The size for ``BatchSize/fitting``: of several processes that of the first, as their memory may differ, and of a
  /// training that goes on the one it began with.
  func fitting(_ fit: () throws(TaskError) -> BatchFit) throws(TaskError) -> Int {
    var (found, failure): (Int, TaskError?) = (0, nil)
    if group?.isFirst ?? true {
      do throws(TaskError) {
        if let size = try kept() { found = size } else { found = try chosen(try fit()) }
      } catch {
        failure = error
      }
    }
    if let group, group.count > 1 {
      do throws(TrainingError) {
        let bytes = try group.broadcast((0..<8).map { UInt8(truncatingIfNeeded: found >> (8 * $0)) })
        found = bytes.reversed().reduce(0) { $0 << 8 | Int($1) }
      } catch {
        throw TaskError(error.description)
      }
    }
    guard found > 0 else { throw failure ?? TaskError("the first process found no size of batches that fits") }
    return found
  }

  /// The size that a training which goes on began with.
  private func kept() throws(TaskError) -> Int? {
    guard let checkpoints, checkpoints.resumes else { return nil }
    do throws(DataError) { return try checkpoints.keptBatchSize() } catch { throw TaskError(error) }
  }

  private func chosen(_ fit: BatchFit) throws(TaskError) -> Int {
    guard let size = fit.automatic else {
      throw TaskError(
        fit.problem(1) ?? "no batch fits", remedy: "give more memory, shorter examples, or fewer units")
    }
    warn?(fit.note(size))
    if let checkpoints {
      do throws(DataError) { try checkpoints.keep(batchSize: size) } catch {
        warn?("The size of batches could not be kept beside the checkpoints: \(error)")
      }
    }
    return size
  }

  /// The same for examples of which some are longer: memory is counted for the longest.
  ///
  /// - Parameters:
  ///   - source: The examples.
  ///   - model: What is to be trained, as it begins.
  ///   - steps: How many steps a batch of a size has at most, padding counted, given the steps of the longest example;
  ///     as many examples of that length by default.
  ///   - loss: The loss of a batch, as in training.
  func batchSize<M: Module, Source: ExampleSource>(
    _ wanted: BatchSize?, usually usual: Int, source: Source, model: M,
    steps: (_ size: Int, _ longest: Int) -> Int = { $0 * $1 }, loss: (M, Source.Batch) -> Tensor
  ) throws(TaskError) -> Int {
    guard source.count > 0 else { return usual }
    return try withoutActuallyEscaping(steps) { steps throws(TaskError) in
      try batchSize(wanted, usually: usual) { () throws(TaskError) in
        let long = source.longest(StepMemory.examples(for: wanted))
        let longest = max(1, long.first.map { source.length(of: $0) } ?? 1)
        // No more of the longest than a batch has.
        let size = if case .count(let size) = wanted { min(size, BatchSize.sizes.upperBound) } else { usual }
        let most = steps(max(size, long.count), longest) / longest
        let memory = try StepMemory(
          model, examples: min(long.count, most), within: MemoryBudget.current.left
        ) { model, count throws(TrainingError) in loss(model, try source.batch(Array(long.prefix(count)))) }
        return fit(memory, usual: usual, examples: source.count, longest: longest) { steps($0, longest) }
      }
    }
  }

  /// Which batches fit, by what a step takes.
  ///
  /// - Parameter steps: How many steps a batch of a size has at most, if there are so many.
  func fit(
    _ memory: StepMemory, usual: Int, examples: Int, longest: Int, steps: @escaping (_ size: Int) -> Int
  ) -> BatchFit {
    // Of several processes each learns from its share. Examples in other forms may be longer.
    let (shares, growth) = (max(1, group?.count ?? 1), regularization.augmentations?.growth ?? 1)
    let most = max(examples, BatchSize.sizes.upperBound)
    return BatchFit(usual: usual, examples: examples, budget: MemoryBudget.current.left) { size in
      let all = min(steps(min(size, most)), examples * longest)
      return memory.bytes(steps: Int(Float((all + shares - 1) / shares) * growth), of: longest)
    }
  }
}

/// What memory a training step takes: so much whatever is learned from, and so much for an example.
struct StepMemory {
  let fixed: Double
  /// For an example of the length that was measured.
  let perExample: Double

  init(fixed: Double, perExample: Double) { (self.fixed, self.perExample) = (fixed, perExample) }

  /// How many examples are wanted to find out.
  static let examples = 8

  /// The same, and no more than a batch is to have.
  static func examples(for wanted: BatchSize?) -> Int {
    if case .count(let size) = wanted { max(1, min(size, examples)) } else { examples }
  }

  /// By the tensors that two small steps hold, in a process that computes nothing else meanwhile; by the smaller alone
  /// where the larger, as far as that one tells, is more than there is room for. Nothing is drawn and nothing is
  /// learned.
  ///
  /// - Parameters:
  ///   - model: Whose gradient is found, at its weights.
  ///   - count: How many examples there are, of one length.
  ///   - budget: The bytes that there are.
  ///   - loss: The loss of the first so many examples.
  init<M: Module>(
    _ model: M, examples count: Int, within budget: Int = .max, loss: (M, _ count: Int) throws(TrainingError) -> Tensor
  ) throws(TaskError) {
    func peak(_ count: Int) throws(TaskError) -> Double {
      do throws(TrainingError) {
        let bytes = try TensorMemory.peak { () throws(TrainingError) in
          var generator = RandomGenerator(seed: 0)
          _ = try valueAndGradient(at: model, using: &generator) { model throws(TrainingError) in
            try loss(model, count)
          }
        }
        return Double(bytes)
      } catch {
        throw TaskError(error.description)
      }
    }
    // Fewer than four take as much as four do: threads and tiles have their own.
    let (many, few) = (max(1, min(count, Self.examples)), max(1, min(4, count - 1)))
    let least = try peak(few)
    let gradient = Double(model.parameterCount * MemoryLayout<Float>.size)
    // The optimizer's two moments, the best weights, and a copy while they change.
    let weights = 4 * gradient
    let told = max(0, least - gradient) / Double(few)
    if many > few, weights + gradient + told * Double(many) <= Double(budget) {
      let most = try peak(many)
      perExample = max(0, (most - least) / Double(many - few))
      fixed = max(0, most - perExample * Double(many)) + weights
    } else {
      perExample = told
      fixed = max(0, least - told * Double(few)) + weights
    }
  }

  /// The bytes of a step.
  ///
  /// - Parameters:
  ///   - steps: How many steps of sequences the batch has, padding counted.
  ///   - longest: How many the examples had that were measured.
  func bytes(steps: Int, of longest: Int) -> Int {
    Int(min(1e18, (fixed + perExample * Double(steps) / Double(longest)).rounded(.up)))
  }
}

extension ExampleSource {
  /// The numbers of the longest examples, the longest first; of equal ones the first.
  func longest(_ most: Int) -> [Int] {
    var found: [(length: Int, number: Int)] = []
    for number in 0..<count {
      let length = length(of: number)
      if found.count == most, let last = found.last, last.length >= length { continue }
      let place = found.firstIndex { $0.length < length } ?? found.count
      found.insert((length, number), at: place)
      if found.count > most { found.removeLast() }
    }
    return found.map(\.number)
  }
}
