// The memory of fused scans, as the kernels read and write it.

import RefrainKernels

/// A schedule as the kernels read it.
struct ScheduleView {
  let steps: Int
  let alive: UnsafePointer<Int>
  let offsets: UnsafePointer<Int>
  let positions: UnsafePointer<Int>
}

extension Schedule {
  /// The segments of at most `count` steps, in order; a single one, maybe of no steps, if `count` is nil.
  func segments(of count: Int?) -> [Range<Int>] {
    guard let count, count < steps else { return [0..<steps] }
    return stride(from: 0, to: steps, by: count).map { $0..<min($0 + count, steps) }
  }

  /// The packed rows of some steps.
  func rows(of steps: Range<Int>) -> Range<Int> {
    guard let last = steps.last else { return 0..<0 }
    return offsets[steps.lowerBound]..<offsets[last] + alive[last]
  }

  func withView<Result>(of range: Range<Int>, _ body: (ScheduleView) -> Result) -> Result {
    alive.withUnsafeBufferPointer { alive in
      offsets.withUnsafeBufferPointer { offsets in
        positions.withUnsafeBufferPointer { positions in
          // An empty array has no address; nothing is read through these then.
          let nothing = UnsafePointer<Int>(bitPattern: 8)!
          return body(
            ScheduleView(
              steps: range.count, alive: alive.baseAddress.map { $0 + range.lowerBound } ?? nothing,
              offsets: offsets.baseAddress.map { $0 + range.lowerBound } ?? nothing,
              positions: positions.baseAddress ?? nothing))
        }
      }
    }
  }
}

/// The memory of a forward scan. States are `[B, padded H]` in the schedule's order; kept values are in packed rows.
struct ForwardBuffers {
  let rows: Int
  let input: P
  let packed: P
  /// `[k, padded H]`
  let parameters: P?
  /// In: the initial state; out: the final one.
  let hidden: M
  let cell: M
  let scratch: M
  /// `[B·T, H]`, or nil when the outputs are known.
  let output: M?
  /// `[N, keptBlocks · H]`, the activated gates, or nil when nothing is to be differentiated.
  let gates: M?
  /// `[N, H]`, the cell state entering each step.
  let keptCell: M?
  let masks: MaskBuffers?
}

/// The memory of a backward scan.
struct BackwardBuffers {
  let rows: Int
  let packed: P
  /// `[k, padded H]`
  let parameters: P?
  /// In: the activated gates; out: the gradients of the sums before activation.
  let gates: M
  let keptCell: P
  /// `[B, padded H]` in the schedule's order, the hidden state before the first step.
  let initial: P
  /// `[B·T, H]`, the hidden states after.
  let output: P
  /// `[B·T, H]`, or nil when no output was used.
  let outputGradient: P?
  /// In: the gradient of the final state; out: of the initial one.
  let hidden: M
  let cell: M
  let scratch: M
  let masks: MaskBuffers?
}

/// The masks of a scan as the kernels read them.
struct MaskBuffers {
  /// `[B, padded H]` in the schedule's order.
  let dropout: Storage?
  /// `[N, H]`, or `[H]` where all rows are the same.
  let keptHidden: Storage?
  let keptCell: Storage?
  /// From row to row of these two.
  let stride: Int
  /// `[3, B, padded H]`
  let scratch: Storage

  /// nil if there are none. A schedule of `rows` rows has `count` steps in all, of `size` values each.
  init?(_ masks: StepMasks, keepsCell: Bool, rows: Int, count: Int, size: Int) {
    var masks = masks
    if !keepsCell { masks.keptCell = nil }
    if masks.isEmpty { return nil }
    // One row for all steps, if no mask says more.
    let isShared = [masks.keptHidden, masks.keptCell].allSatisfy { $0.map { $0.rank == 0 } ?? true }
    func kept(_ mask: Tensor?) -> Storage? {
      mask.map { ($0.rank == 0 ? $0 + .zeros(isShared ? [size] : [count, size]) : $0).storage }
    }
    dropout = masks.recurrent.map { paddedRows($0, Array(0..<rows)) }
    (keptHidden, keptCell) = (kept(masks.keptHidden), kept(masks.keptCell))
    stride = isShared ? 0 : size
    scratch = Storage(count: 3 * rows * kernels.paddedSize(size))
  }
}

/// What the forward kernel leaves for the backward one, of the packed rows of some steps.
struct KeptGates {
  /// `[N, keptBlocks · H]`
  let values: Storage
  /// `[N, H]`, the cell state entering each step, where there is one.
  let cell: Storage?
}

func copy(_ storage: Storage) -> Storage {
  let copy = Storage(count: storage.count)
  kernels.copy(storage.count, storage.pointer, copy.pointer)
  withExtendedLifetime(storage) {}
  return copy
}

/// The rows of `[B, H]` in another order, each padded with zeros to the kernels' size.
func paddedRows(_ tensor: Tensor, _ order: [Int]) -> Storage {
  let size = tensor.shape[1]
  let padded = kernels.paddedSize(size)
  let storage = Storage(count: order.count * padded)
  tensor.read { source in
    for (row, index) in order.enumerated() {
      kernels.copy(size, source + index * size, storage.pointer + row * padded)
      kernels.fill(padded - size, 0, storage.pointer + row * padded + size)
    }
  }
  return storage
}

/// The inverse of ``paddedRows(_:_:)``: `[B, size]` in the order of the batch.
func unpaddedRows(_ storage: Storage, _ ranks: [Int], size: Int) -> Tensor {
  let padded = kernels.paddedSize(size)
  return Tensor([ranks.count, size]) { target in
    for (row, rank) in ranks.enumerated() {
      kernels.copy(size, storage.pointer + rank * padded, target + row * size)
    }
  }
}
