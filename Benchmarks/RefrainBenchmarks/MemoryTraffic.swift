import Refrain
import RefrainData

extension BenchmarkCase {
  /// What layers are held against: the multiply-adds of one core, and the memory.
  static var limits: [BenchmarkCase] { [multiplyAddPeak, memoryBandwidth] }

  /// The memory's bandwidth: the bytes that all threads which compute read and write a second when they add two arrays
  /// into a third, z = x + y, none of which a cache holds. As in STREAM (McCalpin 1995) a sum of floats counts as 12
  /// bytes, 8 read and 4 written, and the fastest run counts. That a processor may fetch a line of z before it writes
  /// it is counted nowhere here.
  static var memoryBandwidth: BenchmarkCase {
    let count = streamedFloats(threads: Parallelism.threads)
    var result = BenchmarkCase(name: peakName, mode: "bandwidth") {
      let (x, y) = (Tensor(repeating: 1, shape: [count]), Tensor(repeating: 2, shape: [count]))
      return { _ = x + y }
    }
    result.bytes = Double(3 * count * MemoryLayout<Float>.size)
    result.countsFastest = true
    return result
  }

  /// The floats of an array that is four times as large as the last-level caches which so many threads reach, and has
  /// 64 MB at least; but three of them take no more than ``MemoryBudget/standardLimit``.
  static func streamedFloats(threads: Int, cache: LastLevelCache? = .current) -> Int {
    let reached = cache.map { $0.bytes * min($0.count, threads) } ?? 0
    return min(max(4 * reached, 64 << 20), MemoryBudget.standardLimit / 3) / MemoryLayout<Float>.size
  }
}

extension BenchmarkShape {
  /// The bytes that have to go between processor and memory when a cell takes all steps of this shape: for each of the
  /// N = T · B steps so many floats
  ///
  ///     forward      I + H            the input read, the output written
  ///                  + 2 G            where the scan writes the gates of all steps and reads them again
  ///     training     + I + H          input and output read again, for the gradients of the weights
  ///                  + H              the gradient of the output read
  ///                  + 2 (S − H)      the rest of the state, written for the backward pass and read by it
  ///                  + 2 G            the gates the same, or G where the scan has written them anyway
  ///
  /// and in all P parameters, in training 3 P: read, read again, and their gradients written. G are the values of the
  /// gates that the cell shows (``RecurrentCell/gates(_:_:)``), S those of its state's vectors; a matrix memory follows
  /// from the gates. The gradient of the input is not asked for in these cases.
  ///
  /// It is the least: sums, copies, and all that a cache may hold from one step to the next are not counted.
  func leastTraffic<Cell: RecurrentCell>(of cell: Cell, isTraining: Bool) -> Double {
    let state = cell.initialState(batch: 1)
    let shown = cell.gates(cell.project(.zeros([1, inputSize])), state)
    func columns(_ tensors: [Tensor]) -> Int { tensors.reduce(0) { $0 + ($1.rank == 2 ? $1.shape[1] : 0) } }
    let (gates, hidden) = (columns(shown.map(\.value)), cell.hiddenSize)
    // Who reads the gates; they are written if anybody does.
    let readers = (Cell.execution.writesGates(rows: batch) ? 1 : 0) + (isTraining ? 1 : 0)
    var step = inputSize + hidden + (readers > 0 ? (1 + readers) * gates : 0)
    if isTraining { step += inputSize + 2 * hidden + 2 * max(0, columns(state.tensors) - hidden) }
    let floats = time * batch * step + (isTraining ? 3 : 1) * cell.parameterCount
    return Double(floats * MemoryLayout<Float>.size)
  }
}

/// Which of two bounds a cell keeps to.
enum CellBound: String {
  /// A multiply-add takes at most 1.3 times as long as one of the LSTM, whatever the memory does.
  case arithmetic
  /// It does not, but the least traffic takes the memory at least 1/1.2 of the time: not much can be gained.
  case bandwidth
  /// Neither of the two.
  case neither

  /// - Parameters:
  ///   - speed: how many times as fast a multiply-add is as one of the LSTM.
  ///   - share: of the memory's bandwidth, what the least traffic takes; above 1 where a cache holds what moves.
  init(speed: Double, share: Double) {
    self = speed * 1.3 >= 1 ? .arithmetic : share * 1.2 >= 1 ? .bandwidth : .neither
  }
}
