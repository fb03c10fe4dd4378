import RealModule

/// How a token is drawn from the probabilities of a model.
public struct Sampling: Sendable, Equatable {
  /// Logits are divided by it: below 1 likely tokens become more likely. 0 always takes the most likely token.
  public var temperature: Float
  /// Only the so many most likely tokens are drawn from (Fan, Lewis and Dauphin 2018); nil means all.
  public var topK: Int?
  /// Only the most likely tokens are drawn from that together have at least this probability (nucleus sampling;
  /// Holtzman et al. 2020), at the temperature and after ``topK``; nil means all.
  public var topP: Float?
  /// What all draws follow from; each sequence draws from a generator of its own, so that what is drawn for it does not
  /// depend on the others in the batch.
  public var seed: UInt64

  /// Draws from the model's own probabilities where nothing is given.
  public init(temperature: Float = 1, topK: Int? = nil, topP: Float? = nil, seed: UInt64 = 0) {
    require(temperature >= 0, "the temperature is \(temperature), and must not be negative")
    require(topK ?? 1 > 0, "the \(topK ?? 0) most likely tokens were asked for; there must be at least 1")
    require(topP.map { $0 > 0 && $0 <= 1 } ?? true, "the top probability is \(topP ?? 0), and must be inside 0…1")
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// Always the most likely token, of equals the first.
  public static let greedy = Sampling(temperature: 0)

  /// The generator of a sequence. Its seeds are not those that a generator's own state counts up by: two sequences
  /// would begin with three of four words in common.
  func generator(of sequence: Int) -> RandomGenerator {
    RandomGenerator(seed: seed &+ UInt64(sequence) &* 0xD1B5_4A32_D192_ED03)
  }

  /// A token, or nil where all are impossible.
  ///
  /// - Parameter values: logits, or logarithms of probabilities.
  func draw(from values: UnsafeBufferPointer<Float>, using generator: inout RandomGenerator) -> Int? {
    guard let best = Self.argmax(values) else { return nil }
    if temperature == 0 || topK == 1 { return best }
    let greatest = values[best]
    var tokens: [Int]
    if let topK, topK < values.count {
      tokens = Self.largest(topK, of: values)
    } else {
      tokens = values.indices.filter { values[$0] > -.infinity }
      if topP != nil { tokens.sort { (values[$0], $1) > (values[$1], $0) } }
    }
    let weights = tokens.map { Double.exp(Double((values[$0] - greatest) / temperature)) }
    var total = weights.reduce(0, +)
    var count = tokens.count
    if let topP, topP < 1 {
      let wanted = Double(topP) * total
      (total, count) = (0, 0)
      while count < tokens.count, total < wanted {
        total += weights[count]
        count += 1
      }
    }
    // 53 random bits: a float's 24 would leave out what is rarer than one in 16 million.
    var left = Double(generator.next() >> 11) * 0x1p-53 * total
    for index in 0..<count {
      left -= weights[index]
      if left < 0 { return tokens[index] }
    }
    return tokens[count - 1]
  }

  /// The place of the greatest value, of equals the first; nil where all are minus infinity.
  private static func argmax(_ values: UnsafeBufferPointer<Float>) -> Int? {
    var (best, greatest) = (-1, -Float.infinity)
    for index in values.indices where values[index] > greatest { (best, greatest) = (index, values[index]) }
    return best < 0 ? nil : best
  }

  /// The places of the `count` greatest possible values, the greatest first.
  private static func largest(_ count: Int, of values: UnsafeBufferPointer<Float>) -> [Int] {
    var heap = BestCandidates(count)
    for index in values.indices where values[index] > heap.threshold(over: 0) {
      heap.insert(BestCandidates.Candidate(score: Double(values[index]), row: 0, token: index))
    }
    return heap.sorted().map(\.token)
  }
}

/// The best of many candidates: a heap of a fixed size, the worst of them at its top.
struct BestCandidates {
  /// A token after an answer on its way.
  struct Candidate {
    let score: Double
    let row: Int
    let token: Int

    /// Whether it comes before another: by its score, and of equals the one that stands first.
    func isBetter(than other: Candidate) -> Bool {
      score != other.score ? score > other.score : (row, token) < (other.row, other.token)
    }
  }

  private let size: Int
  private var heap: [Candidate] = []

  init(_ size: Int) {
    self.size = size
    heap.reserveCapacity(min(size, 1024))
  }

  /// A value must be above this for `base` plus it to have a chance.
  func threshold(over base: Double) -> Float {
    heap.count < size ? -.infinity : Float(heap[0].score - base).nextDown
  }

  mutating func insert(_ candidate: Candidate) {
    if heap.count < size {
      heap.append(candidate)
      var child = heap.count - 1
      while child > 0 {
        let parent = (child - 1) / 2
        guard heap[parent].isBetter(than: heap[child]) else { break }
        heap.swapAt(parent, child)
        child = parent
      }
    } else if size > 0, candidate.isBetter(than: heap[0]) {
      heap[0] = candidate
      var parent = 0
      while true {
        var worst = parent
        for child in [2 * parent + 1, 2 * parent + 2] where child < size {
          if heap[worst].isBetter(than: heap[child]) { worst = child }
        }
        if worst == parent { break }
        heap.swapAt(parent, worst)
        parent = worst
      }
    }
  }

  /// The candidates, the best first.
  func sorted() -> [Candidate] { heap.sorted { $0.isBetter(than: $1) } }
}
