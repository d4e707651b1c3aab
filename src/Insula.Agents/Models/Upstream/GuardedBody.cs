namespace Insula.Agents.Models.Upstream;

/// <summary>
/// An answer's bytes under guard: every read has the idle limit, the whole has a size limit, and whatever goes wrong
/// comes out as a <see cref="ModelException"/>, so that the parsers above need no error handling of their own.
/// </summary>
internal sealed class GuardedBody(Stream inner, string provider, UpstreamLimits limits, CallDeadline deadline) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        deadline.Arm(limits.Idle);
        int count;
        try
        {
            count = await inner.ReadAsync(buffer, deadline.Token);
        }
        catch (Exception error) when (error is IOException or HttpRequestException or OperationCanceledException)
        {
            throw deadline.Explain(error);
        }

        deadline.Rest();
        _read += count;
        return _read <= limits.ResponseBytesMax
            ? count
            : throw UpstreamFailure.Broken(provider, $"it is longer than {limits.ResponseBytesMax} bytes.");
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => throw new NotSupportedException();
}
