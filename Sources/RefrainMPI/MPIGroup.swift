#if MPI
  import CMPI
  import Dispatch
  import Foundation
  import Refrain
  import Synchronization

  /// The processes that `mpirun` has started, through MPI (Open MPI, MPICH and others), as a group to train with.
  ///
  /// Exchanges run on a queue of their own, in the order in which they were begun, while the thread that has begun them
  /// computes. They never block inside MPI: as long as that thread computes, what has arrived is looked after every
  /// tenth of a millisecond; once it waits, at once.
  public final class MPIGroup: TrainingGroup {
    public let rank: Int
    public let count: Int
    private let machines: [String]
    private let queue: DispatchQueue
    private let isAwaited = Atomic(false)
    private let isEnding = Atomic(false)

    /// Joins the processes that were started together. A process does it once.
    ///
    /// - Throws: ``TrainingError`` where MPI does not start.
    public init() throws(TrainingError) {
      // Between two, Open MPI would send all one way and back again: half as fast as both ways at once.
      if ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"] == "2" {
        setenv("OMPI_MCA_coll_libnbc_iallreduce_algorithm", "4", 0)
      }
      let queue = DispatchQueue(label: "MPI", qos: .userInitiated)
      guard queue.sync(execute: { refrain_mpi_start() }) != 0 else {
        throw TrainingError(
          .exchangeFailed, "MPI does not start with calls from several threads; use another build of it")
      }
      self.queue = queue
      (rank, count) = queue.sync { (Int(refrain_mpi_rank()), Int(refrain_mpi_count())) }
      let length = Int(refrain_mpi_name_length())
      var own = [UInt8](repeating: 0, count: length)
      var all = [UInt8](repeating: 0, count: length * count)
      queue.sync {
        own.withUnsafeMutableBytes { own in
          refrain_mpi_name(own.baseAddress!.assumingMemoryBound(to: CChar.self))
          all.withUnsafeMutableBytes { all in
            var begun = refrain_mpi_begin_gather(own.baseAddress, all.baseAddress, Int32(length))
            while refrain_mpi_is_done(&begun) == 0 { usleep(100) }
          }
        }
      }
      machines = stride(from: 0, to: all.count, by: length).map { start in
        String(decoding: all[start..<start + length].prefix { $0 != 0 }, as: UTF8.self)
      }
    }

    public func machine(of rank: Int) -> String { machines[rank] }

    public func beginSum(_ values: UnsafeMutableBufferPointer<Float>) {
      nonisolated(unsafe) let values = values
      let longest = Int(Int32.max)
      queue.async { [self] in
        for start in stride(from: 0, to: values.count, by: longest) {
          finish(refrain_mpi_begin_sum(values.baseAddress! + start, Int32(min(longest, values.count - start))))
        }
      }
    }

    public func beginGather(_ own: UnsafeRawBufferPointer, into all: UnsafeMutableRawBufferPointer) {
      precondition(own.count <= Int(Int32.max) && all.count == own.count * count, "what is gathered does not fit")
      nonisolated(unsafe) let (own, all) = (own, all)
      queue.async { [self] in
        finish(refrain_mpi_begin_gather(own.baseAddress, all.baseAddress, Int32(own.count)))
      }
    }

    public func beginBroadcast(_ bytes: UnsafeMutableRawBufferPointer) {
      precondition(bytes.count <= Int(Int32.max), "what is broadcast does not fit into a message")
      nonisolated(unsafe) let bytes = bytes
      queue.async { [self] in finish(refrain_mpi_begin_broadcast(bytes.baseAddress, Int32(bytes.count))) }
    }

    public func finish() {
      isAwaited.store(true, ordering: .relaxed)
      queue.sync {}
      isAwaited.store(false, ordering: .relaxed)
    }

    /// Waits for an exchange, on the queue.
    private func finish(_ begun: refrain_mpi_request) {
      var begun = begun
      var tries = 0
      while refrain_mpi_is_done(&begun) == 0, !isEnding.load(ordering: .relaxed) {
        tries += 1
        // A core is not kept from whoever computes on it.
        if !isAwaited.load(ordering: .relaxed) {
          usleep(100)
        } else if tries < 2000 {
          sched_yield()
        } else {
          usleep(20)
        }
      }
    }

    /// Leaves the group, at the end of the program: with another status than 0 all its processes end.
    public func end(status: Int32) {
      if status != 0 { isEnding.store(true, ordering: .relaxed) }
      queue.sync { status == 0 ? refrain_mpi_end() : refrain_mpi_abort(status) }
    }
  }
#endif
